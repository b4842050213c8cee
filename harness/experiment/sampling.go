package experiment

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/sampler"
)

// A sampling is what is read beside the load of a run.
type sampling struct {
	samplers []harness.Sampler
	missing  map[string]string    // source → why nothing is read of it
	gpus     func() []sampler.GPU // those that are read
	close    func()
}

// sample opens the samplers of the server that was reached. In virtual time the host is not
// sampled: a second of it takes a millisecond of the host's.
func (t *trial) sample(ctx context.Context) sampling {
	on, session := t.on, t.of.session
	metrics, closeMetrics := on.serverMetrics(ctx, t.stopLimits)
	out := sampling{samplers: append([]harness.Sampler{metrics}, session.Samplers...), missing: map[string]string{}, gpus: func() []sampler.GPU { return nil }, close: closeMetrics}
	if on.Virtual {
		return out
	}
	host := sampler.NewHost()
	out.samplers = append(out.samplers, host)
	if on.Remote {
		if ports := sampler.PortsHere(ctx, on.URLs()); ports != nil {
			host.Server = sampler.FindProcess(ctx, ports...)
		}
	}
	gpus, why := session.gpusOf(on.Remote, host.Server)
	if on.second && session.Place.GPUsURLs != nil {
		gpus, why = nil, "no GPU could be read: "+cmp.Or(session.Remedies.OtherGPUs, "the exporters are those of the first server's GPUs")
	}
	if gpus == nil {
		out.missing["gpu"] = why
		return out
	}
	out.samplers, out.gpus = append(out.samplers, sampler.NewDiscreet(gpus, session.secrets())), gpus.GPUs
	out.close = func() { closeMetrics(); gpus.Close() }
	if gpus.GPUs() == nil { // an exporter tells with its first page; what is wrong with it the run will say
		reading, cancel := context.WithTimeout(ctx, readingMost)
		gpus.Read(reading)
		cancel()
	}
	if named := sampler.NameOf(session.shownGPUs(gpus.GPUs())); named != "" {
		t.scenario.Labels["gpu"] = named
	}
	return out
}

// gpuSource is where GPUs are read.
type gpuSource interface {
	harness.Sampler
	GPUs() []sampler.GPU
	Close()
}

// exported are GPUs that an exporter reports, or several.
type exported interface {
	harness.Sampler
	fmt.Stringer
	GPUs() []sampler.GPU
}

// exporter is a source of GPUs that needs no closing.
type exporter struct{ exported }

func (exporter) Close() {}

// gpusOf is where the server's GPUs can be read: at the pages of the place, or on
// this machine, if the server runs here; or why they cannot.
func (s *Session) gpusOf(isReal bool, process *sampler.Process) (gpuSource, string) {
	switch {
	case !isReal:
		return nil, "no GPU could be read: the mock has none"
	case s.Place.GPUsURLs != nil:
		var pages sampler.Exporters
		for _, page := range s.Place.GPUsURLs {
			pages = append(pages, &sampler.Exporter{URL: page, HTTP: s.Place.plainHTTP()})
		}
		if len(pages) == 1 {
			return exporter{pages[0]}, ""
		}
		return exporter{pages}, ""
	case process == nil || process.Forwards():
		return nil, "no GPU could be read: the server is on another machine" + clause(s.Remedies.RemoteGPUs)
	}
	nvidia, err := sampler.OpenNVIDIA(process.PIDs)
	if err != nil {
		return nil, err.Error()
	}
	return nvidia, ""
}

// WhyNoGPU is why no GPU of the server under test can be read, as part of a sentence; "" where one can.
func (s *Session) WhyNoGPU(ctx context.Context) string {
	process := new(sampler.Process) // one that was started here, or will be
	if s.Place.URLs != nil && sampler.PortsHere(ctx, s.Place.URLs) == nil {
		process = nil
	}
	gpus, why := s.gpusOf(true, process)
	if gpus == nil {
		return "it needs a GPU, and " + why
	}
	gpus.Close()
	return ""
}

// plainHTTP asks without credentials, which are for the server under test only.
func (p Place) plainHTTP() *http.Client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, IdleConnTimeout: time.Minute}
	if p.TLS != nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.TLS.RootCAs}
	}
	return &http.Client{Transport: transport}
}
