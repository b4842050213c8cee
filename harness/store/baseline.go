package store

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A Baseline is runs that others are held against: the lines of one bench.txt, or of
// several, all of one scenario.
type Baseline struct {
	Where string // the file, or the runs
	lines []line
}

// A line is one run of a baseline.
type line struct {
	where  string // file:line
	name   string
	labels map[string]string
	values map[string]float64 // by unit
}

// A Line is one run of a baseline: its labels, and its figures by their units.
type Line struct {
	Labels map[string]string
	Values map[string]float64
}

// Lines are its runs, in their order.
func (b *Baseline) Lines() []Line {
	lines := make([]Line, len(b.lines))
	for i, l := range b.lines {
		lines[i] = Line{l.labels, l.values}
	}
	return lines
}

// NewBaseline is a baseline of runs of a scenario that were found elsewhere than in a file.
func NewBaseline(where, scenario string, lines []Line) *Baseline {
	b := &Baseline{Where: where}
	for _, l := range lines {
		b.lines = append(b.lines, line{where, benchName(scenario), l.Labels, l.Values})
	}
	return b
}

// Bench writes the runs as [ReadBaseline] reads them.
func (b *Baseline) Bench() []byte {
	var out bytes.Buffer
	w := benchfmt.NewWriter(&out)
	for _, l := range b.lines {
		of := benchfmt.Result{Name: benchfmt.Name(l.name), Iters: 1}
		for _, key := range slices.Sorted(maps.Keys(l.labels)) {
			of.SetConfig(key, l.labels[key])
			of.Config[len(of.Config)-1].File = true
		}
		for _, unit := range slices.Sorted(maps.Keys(l.values)) {
			of.Values = append(of.Values, benchfmt.Value{Value: l.values[unit], Unit: unit})
		}
		if err := w.Write(&of); err != nil {
			panic(err) // a buffer takes everything
		}
	}
	return out.Bytes()
}

// A Difference is a label that two runs do not share; "" where one does not have it.
type Difference struct{ Label, Theirs, Ours string }

func (d Difference) String() string {
	quoted := func(s string) string {
		if s == "" {
			return "nothing"
		}
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%s was %s and is now %s", d.Label, quoted(d.Theirs), quoted(d.Ours))
}

// ReadBaseline reads a file of benchmark lines. What is no line of the format is an
// error; a file without any is one, too.
func ReadBaseline(path string) (*Baseline, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseBaseline(path, raw)
}

// Baselines are the names of those in a folder.
func Baselines(folder string) (names []string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), ".txt"); ok {
			names = append(names, name)
		}
	}
	return names
}

func parseBaseline(path string, raw []byte) (*Baseline, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")) // an editor's byte order mark
	if bytes.HasPrefix(raw, []byte("\xff\xfe")) || bytes.HasPrefix(raw, []byte("\xfe\xff")) {
		return nil, fmt.Errorf("%s is written in UTF-16; save it as UTF-8, as vllmspec wrote it", path)
	}
	if err := conflict(path, raw); err != nil {
		return nil, err
	}
	b := &Baseline{Where: path}
	reader := benchfmt.NewReader(bytes.NewReader(raw), path)
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			file, at := record.Pos()
			return nil, fmt.Errorf("%s:%d: %s; a baseline is the bench.txt of a run", file, at, record.Msg)
		case *benchfmt.Result:
			l := lineOf(record)
			for _, unit := range slices.Sorted(maps.Keys(l.values)) {
				if v := l.values[unit]; math.IsNaN(v) || math.IsInf(v, 0) {
					return nil, fmt.Errorf("%s: %s is %v, which nothing can be compared with; make the baseline anew", l.where, unit, v)
				}
			}
			b.lines = append(b.lines, l)
		}
	}
	if err := reader.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(b.lines) == 0 {
		return nil, fmt.Errorf("%s holds no runs; a baseline is the bench.txt of a run", path)
	}
	return b, nil
}

// conflict is an error where git left the marks of a merge: the file holds the runs of
// both sides.
func conflict(path string, raw []byte) error {
	number := 0
	for text := range bytes.Lines(raw) {
		number++
		for _, mark := range []string{"<<<<<<<", "|||||||", "=======", ">>>>>>>"} {
			if bytes.HasPrefix(text, []byte(mark)) {
				return fmt.Errorf("%s:%d: %s is a mark of a merge that git could not finish: the file holds the runs of both sides; keep those of one", path, number, mark)
			}
		}
	}
	return nil
}

func lineOf(r *benchfmt.Result) line {
	file, at := r.Pos()
	l := line{where: fmt.Sprintf("%s:%d", file, at), name: string(r.Name.Base()), labels: map[string]string{}, values: map[string]float64{}}
	for _, c := range r.Config {
		l.labels[c.Key] = string(c.Value)
	}
	for _, v := range r.Values {
		value, unit := v.Value, v.Unit
		if v.OrigUnit != "" {
			value, unit = v.OrigValue, v.OrigUnit
		}
		l.values[unit] = value
	}
	return l
}

// Of is the runs of one scenario in it, by which a file may hold several.
func (b *Baseline) Of(scenario string) (*Baseline, error) {
	of := &Baseline{Where: b.Where}
	var names []string
	for _, l := range b.lines {
		if l.name == benchName(scenario) {
			of.lines = append(of.lines, l)
		}
		names = append(names, l.name)
	}
	if of.lines == nil {
		slices.Sort(names)
		return nil, fmt.Errorf("%s holds no run of %s, but of %s", b.Where, benchName(scenario), strings.Join(slices.Compact(names), ", "))
	}
	return of, nil
}

// Runs is how many there are.
func (b *Baseline) Runs() int { return len(b.lines) }

// Labels are those of its oldest run.
func (b *Baseline) Labels() map[string]string { return maps.Clone(b.lines[0].labels) }

// Remark begins the labels that are remarks: runs that differ in one are compared all the same.
const Remark = "note"

// BenchLabels are labels as a benchmark line has them.
func BenchLabels(labels map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range labels {
		if value = plain(value); value != "" {
			out[labelKey(key)] = value
		}
	}
	return out
}

// Unlike is what keeps runs with the given labels from being compared with these:
// every label that is not the same on both sides, or only on one. Those that begin
// with "note" are remarks.
func (b *Baseline) Unlike(labels map[string]string) (out []Difference) {
	ours := BenchLabels(labels)
	seen := map[Difference]bool{}
	for _, l := range b.lines {
		keys := maps.Clone(l.labels)
		maps.Copy(keys, ours)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			d := Difference{key, l.labels[key], ours[key]}
			if d.Theirs != d.Ours && !strings.HasPrefix(key, Remark) && !seen[d] {
				seen[d] = true
				out = append(out, d)
			}
		}
	}
	return out
}

// Values are a figure of all runs, in their order.
func (b *Baseline) Values(f harness.Figure) ([]float64, error) {
	var out []float64
	for _, l := range b.lines {
		v, ok := l.values[BenchUnit(f)]
		if !ok {
			return nil, fmt.Errorf("%s has no %s%s; make the baseline anew", l.where, BenchUnit(f), spelling.DidYouMean(BenchUnit(f), slices.Sorted(maps.Keys(l.values))))
		}
		out = append(out, v)
	}
	return out, nil
}
