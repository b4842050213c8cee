package fleet

import (
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// LabelReplica is the label of a reading that says which engine's it is, where several are read.
const LabelReplica = "replica"

// Gauges are what the metrics of one engine showed during a run.
type Gauges struct {
	Running     float64 // requests, on average over the readings
	WaitingMost float64 // requests in its queue, at most
	CacheMost   float64 // share of its KV cache that was in use, at most
	Readings    int
}

// Pages are the metrics of several engines, each by itself. The zero value is ready for use.
type Pages struct {
	engines map[string]*page // by host and port
}

type page struct {
	at                      time.Duration // of the reading that is being added up
	running, waiting, cache float64       // of it: an engine may have several ranks
	sum                     float64
	Gauges
}

// Take takes a sample: one of a server's gauges that says which engine it is of.
func (p *Pages) Take(s harness.Sample) {
	name, several := s.Labels[LabelReplica]
	if s.Source != "server" || !several {
		return
	}
	switch s.Series {
	case vllm.NumRequestsRunning, vllm.NumRequestsWaiting, vllm.KVCacheUsage:
	default:
		return
	}
	if p.engines == nil {
		p.engines = map[string]*page{}
	}
	key := servers.HostPort(name)
	of := p.engines[key]
	if of == nil {
		of = &page{at: s.At}
		p.engines[key] = of
	}
	if of.at != s.At {
		of.close()
		of.at = s.At
	}
	switch s.Series {
	case vllm.NumRequestsRunning:
		of.running += s.Value
	case vllm.NumRequestsWaiting:
		of.waiting += s.Value
	case vllm.KVCacheUsage:
		of.cache = max(of.cache, s.Value)
	}
}

// close counts a reading in, once all of it was taken.
func (p *page) close() {
	p.Readings++
	p.sum += p.running
	p.WaitingMost, p.CacheMost = max(p.WaitingMost, p.waiting), max(p.CacheMost, p.cache)
	p.running, p.waiting, p.cache = 0, 0, 0
}

// Of are the gauges of an engine, named as requests or as its metrics name it; false where its metrics were not read
// by themselves, or only at both ends of the run.
func (p *Pages) Of(engine string) (Gauges, bool) {
	const ends = 2
	of := p.engines[servers.HostPort(engine)]
	if of == nil {
		return Gauges{}, false
	}
	now := *of
	now.close()
	now.Running = now.sum / float64(now.Readings)
	return now.Gauges, now.Readings > ends
}

// Others are the gauges of all engines but one: the most that any of them had, and how many run on average on each.
func (p *Pages) Others(engine string) (all Gauges, known bool) {
	n := 0
	for name := range p.engines {
		if name == servers.HostPort(engine) {
			continue
		}
		of, read := p.Of(name)
		if !read {
			continue
		}
		n++
		all.Running += of.Running
		all.WaitingMost, all.CacheMost = max(all.WaitingMost, of.WaitingMost), max(all.CacheMost, of.CacheMost)
		all.Readings += of.Readings
	}
	all.Running /= float64(max(1, n))
	return all, n > 0
}
