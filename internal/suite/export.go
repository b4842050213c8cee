package suite

import (
	"context"
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/export"
)

// export lets a run be seen while it goes on, where the environment asks for it.
// Nothing that keeps it from being seen keeps it from going on: it is a warning.
func (s *Suite) export(ctx context.Context, about export.About, warn func(string)) (sinks []harness.Sink, finish func()) {
	env := s.env
	finish = func() {}
	if env.Metrics == "" && !env.OTLP {
		return nil, finish
	}
	options := export.Options{Prometheus: s.showPage(warn), OTLP: env.OTLP}
	if protocol := env.OTLPProtocol; options.OTLP && protocol != "" && !strings.HasPrefix(protocol, "http/") {
		warn(fmt.Sprintf("metrics are not sent to the OTLP endpoint: this version sends them over http/protobuf, not %s; set OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf and OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", protocol))
		options.OTLP = false
	}
	e, err := export.New(ctx, about, options)
	if err != nil {
		warn("the run is not shown while it goes on: " + s.redact(err.Error()))
		return nil, finish
	}
	if s.page != nil {
		s.page.Show(e)
	}
	return []harness.Sink{e}, func() {
		if err := e.Finish(); err != nil {
			warn(s.redact(err.Error()))
		}
	}
}

// showPage serves the page for Prometheus from the first run that it could show on,
// and reports whether there is one.
func (s *Suite) showPage(warn func(string)) bool {
	if s.env.Metrics == "" || s.page != nil || s.pageless {
		return s.page != nil
	}
	page, err := export.Serve(s.env.Metrics)
	if err != nil {
		s.pageless = true // it is not tried again
		warn(err.Error())
		return false
	}
	s.page = page
	fmt.Fprintf(s.progress, "    metrics of the run: %s\n", page.URL())
	return true
}
