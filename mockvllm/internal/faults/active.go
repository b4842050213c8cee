package faults

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/clock"
)

// Active are the faults of a server, and since when they count. They can be
// changed while it runs.
type Active struct {
	seed  uint64
	scale float64

	mu   sync.Mutex
	list []*active
}

type active struct {
	Fault
	since  time.Time // from when From counts
	seen   int       // requests that it could have hit
	struck int       // requests that it has hit
}

// New are no faults yet. The seed decides which requests a share hits; the
// scale is how many times faster the server's clock runs.
func New(seed uint64, scale float64) *Active { return &Active{seed: seed, scale: scale} }

// Begin lets all faults count from an instant.
func (a *Active) Begin(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.list {
		f.since, f.seen, f.struck = at, 0, 0
	}
}

// Add puts more faults beside those there are; they count from the instant.
func (a *Active) Add(at time.Time, faults ...Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range faults {
		a.list = append(a.list, &active{Fault: f, since: at})
	}
}

// Clear takes all faults away.
func (a *Active) Clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = nil
}

// All are the faults that are set, and how many requests each has hit.
func (a *Active) All() (faults []Fault, hits []int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.list {
		faults, hits = append(faults, f.Fault), append(hits, f.struck)
	}
	return faults, hits
}

// window is when a fault is on.
func (a *Active) window(f *active) (from, to time.Time) {
	from = f.since.Add(clock.Scaled(f.From, a.scale))
	if f.For == 0 {
		return from, from.AddDate(100, 0, 0)
	}
	return from, from.Add(clock.Scaled(f.For, a.scale))
}

func (a *Active) isOn(f *active, at time.Time) bool {
	from, to := a.window(f)
	return !at.Before(from) && at.Before(to)
}

// On returns the first fault of a kind that is on at an instant, and since when.
func (a *Active) On(kind Kind, at time.Time) (f Fault, since time.Time, on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.list {
		if f.Kind == kind && a.isOn(f, at) {
			from, _ := a.window(f)
			return f.Fault, from, true
		}
	}
	return Fault{}, time.Time{}, false
}

// Thawed is when an engine may go on that wants to begin a step at an instant.
func (a *Active) Thawed(at time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.list {
		if f.Kind == Freeze && a.isOn(f, at) {
			_, at = a.window(f)
		}
	}
	return at
}

// Pick is the fault, if any, that hits a request. The draws of successive
// faults are independent, and none depends on other requests.
func (a *Active) Pick(at time.Time, r *http.Request, model string, identity uint64) Fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	draw := rand.New(rand.NewPCG(a.seed, identity^0xfa17))
	for _, f := range a.list {
		kind, _ := Describe(f.Kind)
		if !kind.Requests {
			continue
		}
		drawn := draw.Float64()
		if !a.isOn(f, at) || !f.concerns(r, model) {
			continue
		}
		f.seen++
		if f.hits(drawn) {
			f.struck++
			return f.Fault
		}
	}
	return Fault{}
}

func (f *active) hits(drawn float64) bool {
	return (f.Share == 0 || drawn < f.Share) && (f.First == 0 || f.seen <= f.First) && (f.Every == 0 || f.seen%f.Every == 0)
}

// concerns reports whether a fault is meant for requests like this one.
func (f *active) concerns(r *http.Request, model string) bool {
	if f.Header != "" {
		name, value, _ := strings.Cut(f.Header, ":")
		if !slices.Contains(r.Header.Values(strings.TrimSpace(name)), strings.TrimSpace(value)) {
			return false
		}
	}
	return (f.Model == "" || f.Model == model) && (f.Path == "" || f.Path == r.URL.Path)
}
