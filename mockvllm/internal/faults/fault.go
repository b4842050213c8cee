// Package faults is what a server does wrong on purpose: which kinds there are, how
// they are written, and which of them are on and hit a request.
package faults

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A Kind is what goes wrong.
type Kind string

// What can go wrong. The first hit single requests, the others all.
const (
	Refuse      Kind = "refuse"
	Reset       Kind = "reset"
	Hang        Kind = "hang"
	SlowHeaders Kind = "slow-headers"
	Delay       Kind = "delay"
	FrontEnd    Kind = "front-end"
	Fail        Kind = "status"
	Cut         Kind = "cut"
	Tear        Kind = "tear"
	ErrorEvent  Kind = "error-event"
	Stall       Kind = "stall"
	Garble      Kind = "garble"
	Loop        Kind = "loop"
	Split       Kind = "split"
	Bundle      Kind = "bundle"
	NoUsage     Kind = "no-usage"
	WrongUsage  Kind = "wrong-usage"
	Uncounted   Kind = "uncounted"
	Recounted   Kind = "recounted"

	Freeze         Kind = "freeze"
	Slow           Kind = "slow"
	Shrink         Kind = "shrink"
	Dead           Kind = "dead"
	Cold           Kind = "cold"
	MetricsMissing Kind = "metrics-missing"
	MetricsSlow    Kind = "metrics-slow"
	MetricsStale   Kind = "metrics-stale"
	MetricsReset   Kind = "metrics-reset"
)

// A Fault is something that the server does wrong on purpose: what, to which
// requests, when, and how much. Which requests a share hits is drawn from the
// seed and the request itself, not from the order in which requests come.
type Fault struct {
	Kind Kind

	Share  float64 // of requests; 0 stands for all
	First  int     // so many requests, then no more
	Every  int     // the n-th, 2n-th, … request
	Model  string  // requests that ask for it
	Header string  // requests that carry it: "Name: value"
	Path   string  // requests of this path

	From, For time.Duration // since the load began; For 0: from then on

	Status int           // of status
	After  time.Duration // the Retry-After of status
	Delay  time.Duration // how long a wait is
	Factor float64       // how many times longer steps take; by how much usage is wrong
	Blocks int           // what is left of the cache
	Tokens int           // in one event
}

// A Failing describes one kind of fault for the reader.
type Failing struct {
	Kind     Kind
	About    string
	Requests bool     // it hits single requests
	Takes    []string // parameters, of which the first must be given
}

// Failings are all kinds of faults.
func Failings() []Failing {
	return []Failing{
		{Refuse, "the connection is closed without an answer", true, nil},
		{Reset, "the connection is reset without an answer", true, nil},
		{Hang, "the request is accepted and never answered", true, nil},
		{SlowHeaders, "the headers come late", true, []string{"delay"}},
		{Delay, "the headers come at once, the first byte after them late", true, []string{"delay"}},
		{FrontEnd, "the engine gets the request late, by the server's own account", true, []string{"delay"}},
		{Fail, "an HTTP error with vLLM's body", true, []string{"status", "retry-after"}},
		{Cut, "the answer ends in its middle, without finish reason and [DONE]; of inputs that are pooled the last has no result", true, nil},
		{Tear, "the connection is reset in mid-answer", true, nil},
		{ErrorEvent, "the answer ends in its middle with an error event", true, nil},
		{Stall, "the answer stops in its middle, for a time or, without one, for good", true, []string{"", "delay"}},
		{Garble, "an event in mid-answer is no JSON; where inputs are pooled, the first result is null", true, nil},
		{Loop, "the answer is caught in a loop in its middle, and goes on to its limit", true, nil},
		{Split, "events are cut in two, through characters of several bytes", true, nil},
		{Bundle, "several tokens come in one event", true, []string{"tokens"}},
		{NoUsage, "usage is missing where it was asked for", true, nil},
		{WrongUsage, "usage counts the answer wrong by a factor", true, []string{"factor"}},
		{Uncounted, "the engine's counters leave the request out", true, nil},
		{Recounted, "the engine's counters count the request twice", true, nil},
		{Freeze, "no step begins", false, []string{"for"}},
		{Slow, "steps take longer by a factor", false, []string{"factor"}},
		{Shrink, "only so many cache blocks are left", false, []string{"blocks"}},
		{Dead, "the engine is dead: 503 from /health, 500 to requests", false, nil},
		{Cold, "the first step after it takes longer", false, []string{"delay"}},
		{MetricsMissing, "/metrics is not found", false, nil},
		{MetricsSlow, "/metrics answers late", false, []string{"delay"}},
		{MetricsStale, "/metrics does not change any more", false, nil},
		{MetricsReset, "counters begin again at zero, as after a restart", false, nil},
	}
}

// Describe is what there is to say of a kind, or that there is no such kind.
func Describe(k Kind) (Failing, error) {
	var names []string
	for _, f := range Failings() {
		if f.Kind == k {
			return f, nil
		}
		names = append(names, string(f.Kind))
	}
	return Failing{}, fmt.Errorf("no fault %q%s", k, spelling.DidYouMean(string(k), names))
}

// Parse reads a fault as [Fault.String] writes it: its kind, then what it
// needs to know: status status=503 share=5% from=10s for=30s.
func Parse(s string) (Fault, error) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return Fault{}, errors.New("a fault begins with its kind: freeze for=10s from=1m")
	}
	f := Fault{Kind: Kind(words[0])}
	if _, err := Describe(f.Kind); err != nil {
		return f, err
	}
	for _, word := range words[1:] {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return f, fmt.Errorf("%s: %q is not of the form key=value", f.Kind, word)
		}
		if err := f.set(key, value); err != nil {
			return f, fmt.Errorf("%s: %w", f.Kind, err)
		}
	}
	return f, f.Check()
}

// A parameter of a fault, by the name under which it is written.
type parameter struct {
	name string
	at   any // points at the field
}

func (p parameter) given() bool { return !reflect.ValueOf(p.at).Elem().IsZero() }

// parameters stand in the order in which they are written; the first six say how.
func (f *Fault) parameters() []parameter {
	return []parameter{{"status", &f.Status}, {"retry-after", &f.After}, {"delay", &f.Delay}, {"factor", &f.Factor}, {"blocks", &f.Blocks}, {"tokens", &f.Tokens},
		{"share", &f.Share}, {"first", &f.First}, {"every", &f.Every}, {"model", &f.Model}, {"header", &f.Header}, {"path", &f.Path},
		{"from", &f.From}, {"for", &f.For}}
}

func (f *Fault) set(key, value string) error {
	var names []string
	for _, p := range f.parameters() {
		names = append(names, p.name)
		if p.name == key {
			return p.set(value)
		}
	}
	return fmt.Errorf("no parameter %q%s", key, spelling.DidYouMean(key, names))
}

func (p parameter) set(value string) (err error) {
	want := "a whole number"
	switch at := p.at.(type) {
	case *int:
		*at, err = strconv.Atoi(value)
	case *string:
		*at = value
	case *time.Duration:
		want = "a time such as 10s"
		*at, err = time.ParseDuration(value)
	case *float64:
		want = "a number, or a share such as 5%"
		number, percent := strings.CutSuffix(value, "%")
		if *at, err = strconv.ParseFloat(number, 64); percent {
			*at /= 100
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s=%s cannot be read; it is %s", p.name, value, want)
	case p.name == "share" && !p.given():
		return errors.New("a share of 0 hits no request")
	}
	return nil
}

// String writes a fault as Parse reads it.
func (f Fault) String() string {
	out := string(f.Kind)
	for _, p := range f.parameters() {
		if p.given() {
			out += fmt.Sprintf(" %s=%v", p.name, reflect.ValueOf(p.at).Elem())
		}
	}
	return out
}

// Check refuses a fault that its kind cannot have.
func (f Fault) Check() error {
	kind, err := Describe(f.Kind)
	if err != nil {
		return err
	}
	switch {
	case !(f.Share >= 0 && f.Share <= 1):
		return fmt.Errorf("a share of %g is impossible; it lies between 0 and 1", f.Share)
	case min(f.From, f.For, f.Delay, f.After) < 0:
		return fmt.Errorf("%s: times cannot be negative", f)
	case min(f.First, f.Every, f.Blocks, f.Tokens) < 0 || !(f.Factor >= 0) || math.IsInf(f.Factor, 1):
		return fmt.Errorf("%s: numbers cannot be negative", f)
	case f.Kind == Fail && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status %d is no error; it lies between 400 and 599", f.Status)
	case f.Kind == Shrink && f.Blocks < 2:
		return fmt.Errorf("%s: a cache has at least 2 blocks", f)
	case f.Header != "" && !strings.Contains(f.Header, ":"):
		return fmt.Errorf("%s: a header is a name and a value: header=X-User:a", f)
	case !kind.Requests && (f.Share != 0 || f.First != 0 || f.Every != 0 || f.Model != "" || f.Header != "" || f.Path != ""):
		return fmt.Errorf("%s: it hits all requests; it can be bounded in time only", f)
	}
	return f.checkTakes(kind)
}

// checkTakes sees to it that what the kind needs is given, and nothing that it
// does not know.
func (f Fault) checkTakes(kind Failing) error {
	for _, p := range f.parameters()[:6] {
		switch {
		case p.given() && !slices.Contains(kind.Takes, p.name):
			return fmt.Errorf("%s: %s takes no %s", f, f.Kind, p.name)
		case !p.given() && len(kind.Takes) > 0 && kind.Takes[0] == p.name:
			return fmt.Errorf("%s: %s needs %s=…", f, f.Kind, p.name)
		}
	}
	if f.Kind == Freeze && f.For == 0 {
		return fmt.Errorf("%s: a freeze needs for=…, or it would be for good", f)
	}
	return nil
}
