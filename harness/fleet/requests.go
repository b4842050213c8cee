package fleet

import (
	"maps"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Most is how many engines are kept apart. A header that differs with every request names no engines.
const Most = 64

// An Engine is what was asked of one engine, and how it answered.
type Engine struct {
	Name     string // "" is those requests whose engine is not known
	Requests int
	Failed   int
	TTFT     stats.Values // s, of the requests that had a first token
	E2E      stats.Values // s, of whole answers
}

// Requests are the requests of a run by the engine that answered. The zero value is ready for use.
type Requests struct {
	engines map[string]*Engine
	tooMany bool
}

// Take takes a request.
func (q *Requests) Take(r *harness.Record) {
	of := q.engines[r.Replica]
	if of == nil {
		if len(q.engines) > Most {
			q.tooMany = true
			return
		}
		if q.engines == nil {
			q.engines = map[string]*Engine{}
		}
		of = &Engine{Name: r.Replica}
		q.engines[r.Replica] = of
	}
	of.Requests++
	if r.Failed() {
		of.Failed++
	}
	if ttft := r.TTFT(); ttft != harness.NoTime {
		of.TTFT.Add(ttft.Seconds())
	}
	if r.OK() {
		of.E2E.Add(r.E2E().Seconds())
	}
}

// TooMany reports whether there were more names than [Most]: not all requests are in the rows.
func (q *Requests) TooMany() bool { return q.tooMany }

// Engines are those that were named, by name, and at the end the requests whose engine is not known; nil where no
// engine was named.
func (q *Requests) Engines() (all []*Engine) {
	for _, name := range slices.Sorted(maps.Keys(q.engines)) {
		if name != "" {
			all = append(all, q.engines[name])
		}
	}
	if unnamed := q.engines[""]; all != nil && unnamed != nil {
		all = append(all, unnamed)
	}
	return all
}
