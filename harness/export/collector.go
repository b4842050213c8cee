package export

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// A collector is whom metrics are sent to. What does not get there is counted, and
// neither ends anything nor is written anywhere: the SDK would write it to the
// standard error of the tests.
type collector struct {
	metric.Exporter

	mu   sync.Mutex
	lost int
	last error
}

// Export sends what was gathered.
func (c *collector) Export(ctx context.Context, data *metricdata.ResourceMetrics) error {
	if err := c.Exporter.Export(ctx, data); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.lost, c.last = c.lost+1, plain(err)
	}
	return nil
}

func (c *collector) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost == 0 {
		return nil
	}
	return fmt.Errorf("metrics did not get to the OTLP endpoint, %d times; the last time: %w", c.lost, c.last)
}
