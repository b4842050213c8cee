// Package export shows a run to others while it goes on: on a page for Prometheus,
// and to an OpenTelemetry collector. Requests go under the names of OpenTelemetry's
// semantic conventions for generative AI, which count from when a request was sent;
// what the conventions have no name for goes under vllmspec's.
package export

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
)

// About is what all metrics of a run share.
type About struct {
	Run, Scenario string
	Model         string // that is asked for
	URL           string // of the server
	Version       string // of vllmspec
}

// Options say to whom a run is shown.
type Options struct {
	Prometheus bool // on the page that Handler serves
	// OTLP sends to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, over HTTP;
	// the other variables of OpenTelemetry's name count as well.
	OTLP  bool
	Every time.Duration // between two sendings; 0: 10 seconds
}

// An Exporter is a sink whose run is shown.
type Exporter struct {
	instruments
	provider *metric.MeterProvider
	handler  http.Handler
	sent     *collector
}

// closing is how long the last sending may take: a test does not wait for a collector that
// does not answer.
const closing = 2 * time.Second

// New begins to show a run.
func New(ctx context.Context, about About, o Options) (*Exporter, error) {
	if o.Every == 0 {
		o.Every = 10 * time.Second
	}
	e := new(Exporter)
	options := []metric.Option{metric.WithResource(about.resource()), metric.WithExemplarFilter(exemplar.AlwaysOffFilter)}
	if o.Prometheus {
		registry := prometheus.NewRegistry()
		reader, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo(),
			otelprometheus.WithResourceAsConstantLabels(attribute.NewAllowKeysFilter("vllmspec.run", "vllmspec.scenario")))
		if err != nil {
			return nil, err
		}
		options = append(options, metric.WithReader(reader))
		e.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	}
	if o.OTLP {
		to, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: false}))
		if err != nil {
			return nil, fmt.Errorf("the OTLP endpoint: %w", plain(err))
		}
		e.sent = &collector{Exporter: to}
		options = append(options, metric.WithReader(metric.NewPeriodicReader(e.sent, metric.WithInterval(o.Every), metric.WithTimeout(o.Every))))
	}
	e.provider = metric.NewMeterProvider(options...)
	var err error
	e.instruments, err = newInstruments(e.provider.Meter("github.com/vllmspec/vllmspec"), about)
	return e, err
}

// ServeHTTP is the page for Prometheus.
func (e *Exporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.handler == nil {
		http.NotFound(w, r)
		return
	}
	e.handler.ServeHTTP(w, r)
}

// Close does nothing: a run that has ended can still be looked at.
func (e *Exporter) Close() error { return nil }

// Finish sends what is left. The error is what kept the metrics from getting there,
// which is no fault of the run's.
func (e *Exporter) Finish() error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if e.sent == nil {
		return nil // the page stays as it is
	}
	err := e.provider.Shutdown(ctx)
	if failed := e.sent.failed(); failed != nil {
		return failed
	}
	return plain(err)
}

// resource returns the OpenTelemetry resource: what exports, and of which run.
func (a About) resource() *resource.Resource {
	return resource.NewSchemaless(attribute.String("service.name", "vllmspec"), attribute.String("service.version", a.Version),
		attribute.String("vllmspec.run", a.Run), attribute.String("vllmspec.scenario", a.Scenario))
}

// server are the attributes of whom is asked.
func (a About) server() (out []attribute.KeyValue) {
	u, err := url.Parse(a.URL)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	out = append(out, attribute.String("server.address", u.Hostname()))
	if port, err := strconv.Atoi(u.Port()); err == nil {
		out = append(out, attribute.Int("server.port", port))
	}
	return out
}

// plain is an error without the address, which may hold a password.
func plain(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
