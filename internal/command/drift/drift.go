// Package drift looks at all stored runs of each scenario and says since when a figure is another
// one than before. Only runs with the same model, workload, load and so on are one history; the version
// of the server may differ, and is named where it does. A figure that some runs do not have, for it was
// infinite or could not be measured, is looked at in the others, and they are named.
package drift

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/open"
	"github.com/vllmspec/vllmspec/reports"
)

// Command says since when a figure is another one than before.
func Command() command.Command {
	return command.Command{Name: "drift", Usage: "[FOLDER] [--json]", Run: run,
		Does: "says since when a figure differs from before",
		Example: `vllmspec drift                # all runs; exit code 1: a figure is worse
			vllmspec drift --json nightly`}
}

func run(call *command.Call) error {
	flags := call.Flags()
	asJSON := flags.Bool("json", false, "print what was found as JSON, a line for each")
	folders, err := flags.Read()
	switch {
	case err != nil:
		return err
	case len(folders) > 1:
		return command.Mistakef("it takes one folder of runs, not %d: vllmspec drift reports/out", len(folders))
	}
	folder, address := open.Folder(call, ""), ""
	if folders != nil {
		folder = call.Path(folders[0])
	} else if address, err = open.History(call); err != nil {
		return err
	}
	worse, err := drift(call.Out, address, folder, *asJSON)
	if err != nil {
		return &command.Mistake{Err: err}
	}
	if worse {
		return command.ErrShown
	}
	return nil
}

// A history is runs of one scenario that are like each other, the oldest first.
type series []*history.Run

// drift prints the changes of all histories, and reports whether any figure is worse
// now than before the last of its changes.
func drift(w io.Writer, address, root string, asJSON bool) (worse bool, err error) {
	if _, err := os.Stat(root); err != nil && address == "" {
		return false, err
	}
	q := history.Query{Whole: true, Ended: true}
	for _, o := range metric.History() {
		q.Figures = append(q.Figures, store.BenchUnit(measure.FigureName(o)))
	}
	var runs []*history.Run
	warning, err := history.In(context.Background(), address, history.Folder{Path: root, Read: reports.ReadRun}, 0, func(in history.History) (err error) {
		runs, err = in.Runs(context.Background(), q)
		return err
	})
	if err != nil {
		return false, err
	}
	if warning != nil && !asJSON {
		fmt.Fprintln(w, warning)
	}
	for _, l := range lookAtAll(histories(runs)) {
		worse = l.print(w, asJSON) || worse
	}
	return worse, nil
}

// A look is what is found in the figures of a series.
type look struct {
	series
	figures []looked
}

// A looked is a figure of a series: what was found, in which of its runs, and those that lack it.
type looked struct {
	name    string
	in      series // empty: no run has the figure
	drifts  []compare.Drift
	without series
}

// lookAtAll looks at series, as many at a time as there are processors.
func lookAtAll(all []series) []look {
	out := make([]look, len(all))
	var wait sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for first := range workers {
		wait.Go(func() {
			for i := first; i < len(all); i += workers {
				out[i] = lookAt(all[i])
			}
		})
	}
	wait.Wait()
	return out
}

func lookAt(s series) look {
	l, detector := look{series: s}, new(compare.Detector)
	for _, o := range metric.History() {
		in, values, without := s.having(o)
		l.figures = append(l.figures, looked{measure.FigureName(o).Name, in, detector.Drifts(o, values), without})
	}
	return l
}

// print prints what was found, and reports whether a figure is worse now than before the last of its changes.
func (l look) print(w io.Writer, asJSON bool) (worse bool) {
	if !asJSON {
		fmt.Fprintf(w, "%s: %s since %s\n", l.series[0].Scenario, counted(len(l.series)), l.series[0].Start.UTC().Format("2006-01-02"))
	}
	found := 0
	var never []string
	for _, f := range l.figures {
		if len(f.in) == 0 {
			never = append(never, f.name)
			continue
		}
		for _, d := range f.drifts {
			found++
			f.in.print(w, d, asJSON)
		}
		f.without.lack(w, f.name, asJSON)
		worse = worse || len(f.drifts) > 0 && f.drifts[len(f.drifts)-1].Worse
	}
	if len(l.series) < compare.DriftRuns && !asJSON {
		fmt.Fprintf(w, "  too few runs: a change shows in %d or more\n", compare.DriftRuns)
	} else if found == 0 && !asJSON {
		fmt.Fprintln(w, "  no change was found")
	}
	if len(never) > 0 && !asJSON {
		fmt.Fprintf(w, "  not looked at, for no run has them: %s\n", strings.Join(never, ", "))
	}
	return worse
}

func counted(runs int) string {
	if runs == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", runs)
}

// histories puts runs together that can be compared, the oldest first.
func histories(newestFirst []*history.Run) (out []series) {
	of := map[string]int{}
	for _, run := range slices.Backward(newestFirst) {
		if len(run.Figures) == 0 {
			continue
		}
		i, known := of[run.Key()]
		if !known {
			i = len(out)
			of[run.Key()], out = i, append(out, nil)
		}
		out[i] = append(out[i], run)
	}
	return out
}

// having is the runs that have a figure, with the figure of each, of one with repeats
// their median, and those that came after the first of them and lack it. Runs before
// that were stored before it was measured.
func (h series) having(o harness.Objective) (looked series, figures []float64, without series) {
	unit := store.BenchUnit(measure.FigureName(o))
	for _, run := range h {
		values := valuesOf(run, unit)
		switch {
		case values != nil:
			slices.Sort(values)
			looked, figures = append(looked, run), append(figures, (values[(len(values)-1)/2]+values[len(values)/2])/2)
		case looked != nil:
			without = append(without, run)
		}
	}
	return looked, figures, without
}

// valuesOf are a figure of all lines of a run; nil where one lacks it.
func valuesOf(run *history.Run, unit string) (values []float64) {
	for _, line := range run.Figures {
		i := slices.IndexFunc(line, func(f history.Figure) bool { return f.Name == unit })
		if i < 0 {
			return nil
		}
		values = append(values, line[i].Value)
	}
	return values
}

// lack says that these runs could not be looked at for a figure.
func (h series) lack(w io.Writer, figure string, asJSON bool) {
	const why = "too few requests were answered, or it could not be measured"
	switch {
	case len(h) == 0:
	case asJSON:
		raw, _ := json.Marshal(struct {
			Scenario string `json:"scenario"`
			Figure   string `json:"figure"`
			Without  int    `json:"without"` // so many runs
			Run      string `json:"run"`     // the newest of them
			Why      string `json:"why"`
		}{h[0].Scenario, figure, len(h), h[len(h)-1].Name, why})
		fmt.Fprintf(w, "%s\n", raw)
	case len(h) == 1:
		fmt.Fprintf(w, "  %s has no %s: %s\n", h[0].Name, figure, why)
	default:
		fmt.Fprintf(w, "  %d runs, %s the newest of them, have no %s: %s\n", len(h), h[len(h)-1].Name, figure, why)
	}
}

func (h series) print(w io.Writer, d compare.Drift, asJSON bool) {
	before, after := h[d.At-1], h[d.At]
	if asJSON {
		raw, _ := json.Marshal(struct {
			Scenario string `json:"scenario"`
			Run      string `json:"run"`
			compare.Drift
		}{after.Scenario, after.Name, d})
		fmt.Fprintf(w, "%s\n", raw)
		return
	}
	word := "better"
	if d.Worse {
		word = "worse"
	}
	since := ""
	if was, is := before.Version, after.Version; was != is {
		since = fmt.Sprintf("; the server went from %s to %s", was, is)
	}
	fmt.Fprintf(w, "  %s: %s is %s: %s, was %s (%+.1f %% [%+.1f, %+.1f], p = %.2g)%s\n", after.Name, d.Figure, word,
		quantity.Format(d.After, d.Unit), quantity.Format(d.Before, d.Unit), 100*(d.Ratio-1), 100*(d.Lo-1), 100*(d.Hi-1), d.P, strings.TrimSpace(since))
}
