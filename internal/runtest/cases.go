package runtest

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A Case is a run in a file of testdata, and what must follow from it. CONTRIBUTING.md
// describes the format.
type Case struct {
	Name  string
	Where string // file:line
	Run   *harness.Run
	Good  [][2]string // rows that make a request good: subject, expectation
	Rows  []Row
	Wants []Want // about the whole run
}

// A Row is a row of objectives, the outcome that it must have, and what else must hold.
type Row struct {
	Where                         string
	Subject, Expectation, Outcome string
	Wants                         []Want
}

// A Want is one line of what must hold: "note the limit lies inside the interval".
type Want struct{ Where, Key, Text string }

// Cases are all cases of the files that match a pattern, in their order.
func Cases(files fs.FS, pattern string) ([]Case, error) {
	names, err := fs.Glob(files, pattern)
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no file is named %s", pattern)
	}
	var all []Case
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		cases, err := Read(name, string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, cases...)
	}
	return all, err
}

// Read reads the cases of one file.
func Read(name, text string) ([]Case, error) {
	var all []Case
	var now *draft
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, where := strings.TrimSpace(line), fmt.Sprintf("%s:%d", name, number)
		switch key, rest, _ := strings.Cut(line, " "); {
		case line == "" || line[0] == '#':
		case key == "case":
			if now != nil {
				all = append(all, now.done())
			}
			now = newDraft(where, strings.TrimSpace(rest))
		case now == nil:
			return nil, fmt.Errorf("%s: a line stands before the first case", where)
		default:
			if err := now.line(where, key, strings.TrimSpace(rest)); err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
		}
	}
	if now == nil {
		return nil, fmt.Errorf("%s: there is no case in it", name)
	}
	return append(all, now.done()), nil
}

// A draft is a case while its lines are read.
type draft struct {
	of       Case
	every    time.Duration // between two requests
	read     time.Duration // between two samples
	requests []request
	samples  []harness.Sample
}

func newDraft(where, name string) *draft {
	return &draft{of: Case{Name: name, Where: where, Run: new(harness.Run)}, read: time.Second}
}

// line takes one line: a row, something of the run, or what must hold.
func (d *draft) line(where, key, rest string) error {
	if key == "|" {
		return d.row(where, rest)
	}
	if do, known := d.directives()[key]; known {
		return do(rest)
	}
	if !slices.Contains(wants(), key) {
		return fmt.Errorf("%q begins no line", key)
	}
	want := Want{where, key, rest}
	if n := len(d.of.Rows); n > 0 {
		d.of.Rows[n-1].Wants = append(d.of.Rows[n-1].Wants, want)
		return nil
	}
	d.of.Wants = append(d.of.Wants, want)
	return nil
}

// wants are what lines of expectations begin with. Above the first row they are about
// the run, below a row about its verdict.
func wants() []string {
	return []string{"note", "cause", "value", "interval", "n", "phases", "split", "finding", "sound"}
}

// row reads "p99 TTFT | at most 1 s | met |".
func (d *draft) row(where, rest string) error {
	cells := strings.Split(strings.TrimSuffix(rest, "|"), "|")
	if len(cells) != 3 {
		return fmt.Errorf("a row has a subject, an expectation and an outcome; this one has %d cells", len(cells))
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	d.of.Rows = append(d.of.Rows, Row{Where: where, Subject: cells[0], Expectation: cells[1], Outcome: cells[2]})
	return nil
}

// directives are the lines that make the run.
func (d *draft) directives() map[string]func(rest string) error {
	return map[string]func(string) error{
		"requests":  d.someRequests,
		"request":   d.change,
		"read":      func(rest string) (err error) { d.read, err = after(rest, "every"); return err },
		"sample":    d.sample,
		"histogram": d.histogram,
		"warm-up":   d.warmUp,
		"load":      d.load,
		"good":      d.good,
		"cache":     d.cache,
		"stopped":   func(rest string) error { d.of.Run.Stopped.Kind = harness.StopKind(rest); return nil },
		"unread":    func(rest string) error { return pair(&d.of.Run.Unread, rest) },
		"stored":    func(rest string) (err error) { d.of.Run.Requests, err = number(rest); return err },
	}
}

func (d *draft) warmUp(rest string) (err error) {
	d.of.Run.From, err = time.ParseDuration(rest)
	return err
}

// load reads "10 users" or "at most 32 in flight".
func (d *draft) load(rest string) error {
	var n int
	if _, err := fmt.Sscanf(rest, "%d users", &n); err == nil {
		d.of.Run.Scenario.Load = harness.Closed{Users: n, Requests: len(d.requests)}
		return nil
	}
	if _, err := fmt.Sscanf(rest, "at most %d in flight", &n); err == nil {
		d.of.Run.Scenario.Load = harness.Open{InFlight: n}
		return nil
	}
	return fmt.Errorf(`a load is "10 users" or "at most 32 in flight", not %q`, rest)
}

func (d *draft) good(rest string) error {
	subject, expectation, ok := strings.Cut(rest, "|")
	if !ok {
		return fmt.Errorf(`%q has no "|" between subject and expectation`, rest)
	}
	d.of.Good = append(d.of.Good, [2]string{strings.TrimSpace(subject), strings.TrimSpace(expectation)})
	return nil
}

// cache reads the share of prompt tokens that are to be found in the prefix cache.
func (d *draft) cache(rest string) error {
	var percent float64
	if _, err := fmt.Sscanf(rest, "%g%%", &percent); err != nil {
		return fmt.Errorf("%q is no share: %w", rest, err)
	}
	d.of.Run.Scenario.Cache = &harness.Cache{Share: percent / 100}
	return nil
}

// done makes the run of what was read.
func (d *draft) done() Case {
	run := d.of.Run
	run.To = time.Duration(len(d.requests)) * d.every
	run.Length = run.To
	records := make([]harness.Record, len(d.requests))
	for i := range d.requests {
		records[i] = d.requests[i].record(i, run.From)
		run.Length = max(run.Length, records[i].Done)
	}
	slices.SortStableFunc(d.samples, func(a, b harness.Sample) int { return int(a.At - b.At) })
	run.Records, run.Samples = slices.Values(records), slices.Values(d.samples)
	return d.of
}
