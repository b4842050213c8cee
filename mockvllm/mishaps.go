package mockvllm

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// mishaps are the faults of a server, and since when they count. They can be
// changed while it runs.
type mishaps struct {
	seed  uint64
	scale float64

	mu   sync.Mutex
	list []*mishap
}

type mishap struct {
	Fault
	since time.Time // from when From counts
	seen  int       // requests that it could have hit
	hits  int
}

// begin lets all faults count from an instant.
func (m *mishaps) begin(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.list {
		f.since, f.seen, f.hits = at, 0, 0
	}
}

// add puts more faults beside those there are; they count from the instant.
func (m *mishaps) add(at time.Time, faults ...Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range faults {
		m.list = append(m.list, &mishap{Fault: f, since: at})
	}
}

func (m *mishaps) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = nil
}

// all are the faults that are set, and how many requests each has hit.
func (m *mishaps) all() (faults []Fault, hits []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.list {
		faults, hits = append(faults, f.Fault), append(hits, f.hits)
	}
	return faults, hits
}

// window is when a fault is on.
func (m *mishaps) window(f *mishap) (from, to time.Time) {
	from = f.since.Add(scaled(f.From, m.scale))
	if f.For == 0 {
		return from, from.AddDate(100, 0, 0)
	}
	return from, from.Add(scaled(f.For, m.scale))
}

func (m *mishaps) on(f *mishap, at time.Time) bool {
	from, to := m.window(f)
	return !at.Before(from) && at.Before(to)
}

// of returns the first fault of a kind that is on at an instant, and since when.
func (m *mishaps) of(kind Kind, at time.Time) (f Fault, since time.Time, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.list {
		if f.Kind == kind && m.on(f, at) {
			from, _ := m.window(f)
			return f.Fault, from, true
		}
	}
	return Fault{}, time.Time{}, false
}

// thawed is when an engine may go on that wants to begin a step at an instant.
func (m *mishaps) thawed(at time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.list {
		if f.Kind == Freeze && m.on(f, at) {
			_, at = m.window(f)
		}
	}
	return at
}

// fate is the fault, if any, that hits a request. The draws of successive
// faults are independent, and none depends on other requests.
func (m *mishaps) fate(at time.Time, r *http.Request, model string, identity uint64) Fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	draw := rand.New(rand.NewPCG(m.seed, identity^0xfa17))
	for _, f := range m.list {
		kind, _ := failing(f.Kind)
		if !kind.Requests {
			continue
		}
		drawn := draw.Float64()
		if !m.on(f, at) || !f.concerns(r, model) {
			continue
		}
		f.seen++
		if f.strikes(drawn) {
			f.hits++
			return f.Fault
		}
	}
	return Fault{}
}

func (f *mishap) strikes(drawn float64) bool {
	return (f.Share == 0 || drawn < f.Share) && (f.First == 0 || f.seen <= f.First) && (f.Every == 0 || f.seen%f.Every == 0)
}

// concerns reports whether a fault is meant for requests like this one.
func (f *mishap) concerns(r *http.Request, model string) bool {
	if f.Header != "" {
		name, value, _ := strings.Cut(f.Header, ":")
		if !slices.Contains(r.Header.Values(strings.TrimSpace(name)), strings.TrimSpace(value)) {
			return false
		}
	}
	return (f.Model == "" || f.Model == model) && (f.Path == "" || f.Path == r.URL.Path)
}

// scaled is how long something takes on a clock that runs faster.
func scaled(d time.Duration, scale float64) time.Duration {
	if scale == 1 {
		return d
	}
	return time.Duration(float64(d) / scale)
}
