package steps

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/sampler"
)

// A beside is what is watched beside the load.
type beside struct {
	samplers  []harness.Sampler
	unwatched map[string]string    // source → why nothing is read of it
	gpus      func() []sampler.GPU // those that are read
	close     func()
}

// beside is what can be watched of the server that was reached. In virtual time the
// host's own figures would be those of a second that took a millisecond: they are
// left out.
func (w *world) beside(ctx context.Context) beside {
	out := beside{samplers: []harness.Sampler{w.serverMetrics()}, unwatched: map[string]string{}, gpus: func() []sampler.GPU { return nil }, close: func() {}}
	if w.served.Virtual {
		return out
	}
	host := sampler.NewHost()
	out.samplers = append(out.samplers, host)
	if w.served.Remote {
		if ports := portsHere(ctx, w.served.URLs()); ports != nil {
			host.Server = sampler.FindProcess(ctx, ports...)
		}
	}
	gpus, why := w.suite.gpusOf(w.served.Remote, host.Server)
	if w.sides.onSecond && w.suite.env.GPUsURL != "" {
		gpus, why = nil, "no GPU could be read: DCGM_METRICS_URL is where the GPUs of the first server are"
	}
	if gpus == nil {
		out.unwatched["gpu"] = why
		return out
	}
	out.samplers, out.gpus, out.close = append(out.samplers, gpus), gpus.GPUs, gpus.Close
	if gpus.GPUs() == nil { // an exporter tells with its first page; what is wrong with it the run will say
		reading, cancel := context.WithTimeout(ctx, readingMost)
		gpus.Read(reading)
		cancel()
	}
	if named := nameOf(gpus.GPUs()); named != "" {
		w.scenario.Labels["gpu"] = named
	}
	return out
}

// nameOf is what a baseline must share: "8 × NVIDIA H100 80GB HBM3".
func nameOf(gpus []sampler.GPU) string {
	count := map[string]int{}
	for _, g := range gpus {
		if g.Model != "" {
			count[g.Model]++
		}
	}
	var parts []string
	for _, model := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d × %s", count[model], model))
	}
	return strings.Join(parts, ", ")
}

// serverMetrics are those that the server exposes, or all its replicas.
func (w *world) serverMetrics() harness.Sampler {
	var each sampler.Replicas
	for _, c := range w.served.client.Replicas {
		each = append(each, &sampler.Prometheus{URL: c.URL + "/metrics", HTTP: c.HTTP(), Source: "server"})
	}
	if elsewhere := w.suite.env.MetricsURL; w.served.Remote && elsewhere != "" && !w.sides.onSecond {
		each[0].URL = elsewhere
		return each[0]
	}
	if len(each) == 1 {
		return each[0]
	}
	return each
}

// portsHere are the ports of a server whose every replica is on this machine; nil
// where one is elsewhere.
func portsHere(ctx context.Context, urls []string) (ports []uint16) {
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil || !sampler.OnThisMachine(ctx, u.Hostname()) {
			return nil
		}
		port, err := strconv.ParseUint(cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]), 10, 16)
		if err != nil {
			return nil
		}
		ports = append(ports, uint16(port))
	}
	return ports
}

// gpuSource is where GPUs are read.
type gpuSource interface {
	harness.Sampler
	GPUs() []sampler.GPU
	Close()
}

// exporter is a source that nothing is opened for.
type exporter struct{ *sampler.Exporter }

func (exporter) Close() {}

// gpusOf is where the server's GPUs can be read: where the environment says, or on
// this machine, if the server runs here; or why they cannot.
func (s *Suite) gpusOf(real bool, process *sampler.Process) (gpuSource, string) {
	switch {
	case !real:
		return nil, "no GPU could be read: the mock has none"
	case s.env.GPUsURL != "":
		return exporter{&sampler.Exporter{URL: s.env.GPUsURL, HTTP: s.plainHTTP()}}, ""
	case process == nil || process.Forwards():
		return nil, "no GPU could be read: the server is on another machine; set DCGM_METRICS_URL to where its GPUs' exporter is (NVIDIA's dcgm-exporter, or AMD's device-metrics-exporter)"
	}
	nvidia, err := sampler.OpenNVIDIA(process.PIDs)
	if err != nil {
		return nil, err.Error()
	}
	return nvidia, ""
}

// plainHTTP asks without the credentials that are the server's alone.
func (s *Suite) plainHTTP() *http.Client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if s.env.TLS != nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.env.TLS.RootCAs}
	}
	return &http.Client{Transport: transport}
}

// leftOut is why a feature cannot run here: its tags say that it needs a real server
// (@live), or one with a GPU that can be read (@gpu). "" where it can.
func (s *Suite) leftOut(ctx context.Context, tags []*messages.Tag) string {
	for _, tag := range tags {
		real := s.env.URLs != nil || s.env.Launch != nil
		switch {
		case tag.Name != "@live" && tag.Name != "@gpu":
		case !real:
			return "it needs a real server: set VLLM_URL, VLLM_COMMAND or VLLM_IMAGE"
		case tag.Name == "@gpu":
			process := new(sampler.Process) // one that was started here, or will be
			if s.env.URLs != nil && portsHere(ctx, s.env.URLs) == nil {
				process = nil
			}
			gpus, why := s.gpusOf(real, process)
			if gpus == nil {
				return fmt.Sprintf("it needs a GPU, and %s", why)
			}
			gpus.Close()
		}
	}
	return ""
}
