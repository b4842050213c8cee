package steps

import (
	"context"
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/export"
	"github.com/vllmspec/vllmspec/harness/store"
)

// readExport reads to whom runs are shown while they go on. OpenTelemetry's own
// variables are read where they are used.
func (e *Environment) readExport(vars map[string]string) (err error) {
	if address := vars["VLLMSPEC_METRICS"]; address != "" && address != "off" {
		if e.Metrics, err = export.Address(address); err != nil {
			return fmt.Errorf("VLLMSPEC_METRICS: %w", err)
		}
	}
	off := vars["OTEL_SDK_DISABLED"] == "true" || vars["OTEL_METRICS_EXPORTER"] == "none"
	e.OTLP = !off && (vars["OTEL_EXPORTER_OTLP_ENDPOINT"] != "" || vars["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] != "")
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"} {
		if protocol := vars[name]; protocol != "" {
			e.OTLPProtocol = protocol
		}
	}
	return nil
}

// exported lets a run be seen while it goes on, where the environment asks for it.
// Nothing that keeps it from being seen keeps it from going on: it is a warning. In
// virtual time a run is over before anybody could look.
func (w *world) exported(ctx context.Context) (sinks []harness.Sink, finish func()) {
	env := w.suite.env
	finish = func() {}
	if w.served.Virtual || env.Metrics == "" && !env.OTLP {
		return nil, finish
	}
	options := export.Options{Prometheus: w.suite.showPage(w.warned), OTLP: env.OTLP}
	if protocol := env.OTLPProtocol; options.OTLP && protocol != "" && !strings.HasPrefix(protocol, "http/") {
		w.warned(fmt.Sprintf("metrics are not sent to the OTLP endpoint: this version sends them over http/protobuf, not %s; set OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf and OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", protocol))
		options.OTLP = false
	}
	e, err := export.New(ctx, export.About{Run: w.folder.Run(), Scenario: w.scenario.Name, Model: w.served.about.Model, URL: w.served.URLs()[0], Version: store.Version()}, options)
	if err != nil {
		w.warned("the run is shown to nobody while it goes on: " + w.suite.redact(err.Error()))
		return nil, finish
	}
	if w.suite.page != nil {
		w.suite.page.Show(e)
	}
	return []harness.Sink{e}, func() {
		if err := e.Finish(); err != nil {
			w.warned(w.suite.redact(err.Error()))
		}
	}
}

func (w *world) warned(text string) { w.warnings = append(w.warnings, text) }

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
