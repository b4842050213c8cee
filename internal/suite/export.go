package suite

import (
	"context"
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/export"
	"github.com/vllmspec/vllmspec/internal/environment"
)

// An exporter lets runs be seen by Prometheus and OpenTelemetry while they go on, where the environment asks for it.
type exporter struct {
	env    *environment.Environment
	redact func(string) string
	say    func(line string) // to a person who waits

	page     *export.Page // for Prometheus; nil: not asked for, or no run needed it yet
	pageless bool         // it could not be served
}

// export lets a run be seen while it goes on. Nothing that keeps it from being seen keeps it from going on: it is a warning.
func (x *exporter) export(ctx context.Context, about export.About, warn func(string)) (sinks []harness.Sink, finish func()) {
	finish = func() {}
	if x.env.Metrics == "" && !x.env.OTLP {
		return nil, finish
	}
	options := export.Options{Prometheus: x.showPage(warn), OTLP: x.env.OTLP}
	if protocol := x.env.OTLPProtocol; options.OTLP && protocol != "" && !strings.HasPrefix(protocol, "http/") {
		warn(fmt.Sprintf("metrics are not sent to the OTLP endpoint: this version sends them over http/protobuf, not %s; set OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf and OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", protocol))
		options.OTLP = false
	}
	e, err := export.New(ctx, about, options)
	if err != nil {
		warn("the run is not shown while it goes on: " + x.redact(err.Error()))
		return nil, finish
	}
	if x.page != nil {
		x.page.Show(e)
	}
	return []harness.Sink{e}, func() {
		if err := e.Finish(); err != nil {
			warn(x.redact(err.Error()))
		}
	}
}

// showPage serves the page for Prometheus from the first run that it could show on,
// and reports whether there is one.
func (x *exporter) showPage(warn func(string)) bool {
	if x.env.Metrics == "" || x.page != nil || x.pageless {
		return x.page != nil
	}
	page, err := export.Serve(x.env.Metrics)
	if err != nil {
		x.pageless = true // it is not tried again
		warn(err.Error())
		return false
	}
	x.page = page
	x.say("metrics of the run: " + page.URL())
	return true
}

// close ends the page.
func (x *exporter) close() {
	if x.page != nil {
		x.page.Close()
	}
}
