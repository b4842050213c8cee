package export

import (
	"context"
	"errors"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.41.0/genaiconv"

	"github.com/vllmspec/vllmspec/harness"
)

// instruments are what records and samples are counted with. They are called from
// one goroutine.
type instruments struct {
	duration genaiconv.ClientOperationDuration
	first    genaiconv.ClientOperationTimeToFirstChunk
	gap      genaiconv.ClientOperationTimePerOutputChunk
	tokens   genaiconv.ClientTokenUsage

	ttft, e2e, lag metric.Float64Histogram // from when requests were due
	good, ended    metric.Int64Counter
	gauges         map[string]metric.Float64Gauge
	meter          metric.Meter
	about          About
	sets           map[kind]sets
}

// A kind is what requests have in common that have the same attributes.
type kind struct {
	operation, model, class, failure string
}

// sets are the attributes of a kind, made once.
type sets struct{ plain, failed, input, output []metric.RecordOption }

func newInstruments(m metric.Meter, about About) (i instruments, err error) {
	i = instruments{gauges: map[string]metric.Float64Gauge{}, meter: m, about: about, sets: map[kind]sets{}}
	// What the conventions advise.
	secondsAdvised := []float64{.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	firstAdvised := []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	gapAdvised := []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5}
	tokensAdvised := []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
	var errs [9]error
	i.duration, errs[0] = genaiconv.NewClientOperationDuration(m, metric.WithExplicitBucketBoundaries(secondsAdvised...))
	i.first, errs[1] = genaiconv.NewClientOperationTimeToFirstChunk(m, metric.WithExplicitBucketBoundaries(firstAdvised...))
	i.gap, errs[2] = genaiconv.NewClientOperationTimePerOutputChunk(m, metric.WithExplicitBucketBoundaries(gapAdvised...))
	i.tokens, errs[3] = genaiconv.NewClientTokenUsage(m, metric.WithExplicitBucketBoundaries(tokensAdvised...))
	histogram := func(name, about string, bounds []float64) (metric.Float64Histogram, error) {
		return m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(about), metric.WithExplicitBucketBoundaries(bounds...))
	}
	i.ttft, errs[4] = histogram("vllmspec.ttft", "Time to the first token, from when the request was due.", firstAdvised)
	i.e2e, errs[5] = histogram("vllmspec.e2e_latency", "Time to the end of the answer, from when the request was due.", secondsAdvised)
	i.lag, errs[6] = histogram("vllmspec.lag", "From when the request was due until it was sent: the client's own lateness.", firstAdvised)
	i.ended, errs[7] = m.Int64Counter("vllmspec.requests", metric.WithUnit("{request}"), metric.WithDescription("Requests that ended, well or not."))
	i.good, errs[8] = m.Int64Counter("vllmspec.requests.good", metric.WithUnit("{request}"), metric.WithDescription("Requests within the limits that make one good."))
	return i, errors.Join(errs[:]...)
}

// Record counts a request. Figures of what did not come are left out.
func (i *instruments) Record(r harness.Record) error {
	ctx, of := context.Background(), i.of(&r)
	i.ended.Add(ctx, 1, of.failed[0].(metric.AddOption))
	if r.Good {
		i.good.Add(ctx, 1, of.plain[0].(metric.AddOption))
	}
	if r.Sent == harness.NoTime {
		return nil
	}
	i.lag.Record(ctx, r.Lag().Seconds(), of.plain...)
	if r.Done != harness.NoTime {
		i.duration.Inst().Record(ctx, (r.Done - r.Sent).Seconds(), of.failed...)
	}
	if r.OK() {
		i.e2e.Record(ctx, r.E2E().Seconds(), of.plain...)
	}
	if len(r.Chunks) > 0 {
		i.first.Inst().Record(ctx, (r.Chunks[0] - r.Sent).Seconds(), of.plain...)
		i.ttft.Record(ctx, r.TTFT().Seconds(), of.plain...)
	}
	for at := 1; at < len(r.Chunks); at++ {
		i.gap.Inst().Record(ctx, (r.Chunks[at] - r.Chunks[at-1]).Seconds(), of.plain...)
	}
	if r.PromptTokens != harness.Unreported {
		i.tokens.Inst().Record(ctx, int64(r.PromptTokens), of.input...)
	}
	if r.OutputTokens != harness.Unreported {
		i.tokens.Inst().Record(ctx, int64(r.OutputTokens), of.output...)
	}
	return nil
}

// of are the attributes of a request.
func (i *instruments) of(r *harness.Record) sets {
	k := kind{operation: string(genaiconv.OperationNameChat), model: r.RequestedModel, class: r.Class, failure: string(r.Failure)}
	if strings.HasPrefix(r.RequestID, "cmpl-") {
		k.operation = string(genaiconv.OperationNameTextCompletion)
	}
	if k.model == "" {
		k.model = i.about.Model
	}
	if of, ok := i.sets[k]; ok {
		return of
	}
	all := append(i.about.server(), attribute.String("gen_ai.operation.name", k.operation), attribute.String("gen_ai.provider.name", "vllm"),
		attribute.String("gen_ai.request.model", k.model))
	if k.class != "" {
		all = append(all, attribute.String("vllmspec.class", k.class))
	}
	with := func(more ...attribute.KeyValue) []metric.RecordOption {
		set := attribute.NewSet(append(append([]attribute.KeyValue{}, all...), more...)...)
		return []metric.RecordOption{metric.WithAttributeSet(set)}
	}
	of := sets{plain: with(), failed: with(), input: with(attribute.String("gen_ai.token.type", "input")), output: with(attribute.String("gen_ai.token.type", "output"))}
	if k.failure != "" {
		of.failed = with(attribute.String("error.type", k.failure))
	}
	i.sets[k] = of
	return of
}

// Sample shows what is read of the client, the host and the GPUs. The server's own
// metrics are left to who reads the server.
func (i *instruments) Sample(s harness.Sample) error {
	if s.Source == "server" {
		return nil
	}
	name := "vllmspec." + s.Source + "." + s.Series
	gauge, ok := i.gauges[name]
	if !ok {
		var err error
		if gauge, err = i.meter.Float64Gauge(name, metric.WithDescription(s.Series+" of the "+s.Source)); err != nil {
			gauge = nil // no name for a metric: it is not shown
		}
		i.gauges[name] = gauge
	}
	if gauge == nil {
		return nil
	}
	labels := make([]attribute.KeyValue, 0, len(s.Labels))
	for k, v := range s.Labels {
		labels = append(labels, attribute.String(k, v))
	}
	gauge.Record(context.Background(), s.Value, metric.WithAttributes(labels...))
	return nil
}
