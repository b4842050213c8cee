// Package drift looks at all stored runs of each scenario and says since when a figure is another
// one than before. Only runs with the same model, workload, load and so on are one history; the version
// of the server may differ, and is named where it does. A figure that some runs do not have, for it was
// infinite or could not be measured, is looked at in the others, and they are named.
package drift

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/open"
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
	folder := open.Folder(call, "")
	if folders != nil {
		folder = call.Path(folders[0])
	}
	worse, err := drift(call.Out, folder, *asJSON)
	if err != nil {
		return &command.Mistake{Err: err}
	}
	if worse {
		return command.ErrShown
	}
	return nil
}

// A history is runs of one scenario that are like each other, the oldest first.
type history []store.Past

// version is the one label in which the runs of a history may differ.
const version = "server-version"

// drift prints the changes of all histories, and reports whether any figure is worse
// now than before the last of its changes.
func drift(w io.Writer, root string, asJSON bool) (worse bool, err error) {
	runs, err := store.History(root, "")
	if err != nil {
		return false, err
	}
	for _, h := range histories(runs) {
		found := 0
		if !asJSON {
			fmt.Fprintf(w, "%s: %s since %s\n", h[0].Scenario, counted(len(h)), h[0].Start.UTC().Format("2006-01-02"))
		}
		var never []string
		for _, o := range metric.History() {
			looked, values, without := h.having(o)
			if len(looked) == 0 {
				never = append(never, measure.FigureName(o).Name)
				continue
			}
			drifts := compare.Drifts(o, values)
			for _, d := range drifts {
				found++
				looked.print(w, d, asJSON)
			}
			without.lack(w, measure.FigureName(o).Name, asJSON)
			worse = worse || len(drifts) > 0 && drifts[len(drifts)-1].Worse
		}
		if len(h) < compare.DriftRuns && !asJSON {
			fmt.Fprintf(w, "  too few runs: a change shows in %d or more\n", compare.DriftRuns)
		} else if found == 0 && !asJSON {
			fmt.Fprintln(w, "  no change was found")
		}
		if len(never) > 0 && !asJSON {
			fmt.Fprintf(w, "  not looked at, for no run has them: %s\n", strings.Join(never, ", "))
		}
	}
	return worse, nil
}

func counted(runs int) string {
	if runs == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", runs)
}

// histories puts runs together that can be compared.
func histories(runs []store.Past) (out []history) {
	of := map[string]int{}
	for _, run := range runs {
		labels := run.Labels()
		delete(labels, version)
		key := run.Scenario
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			key += "\n" + name + ": " + labels[name]
		}
		i, known := of[key]
		if !known {
			i = len(out)
			of[key], out = i, append(out, nil)
		}
		out[i] = append(out[i], run)
	}
	return out
}

// having is the runs that have a figure, with the figure of each, of one with repeats
// their median, and those that came after the first of them and lack it. Runs before
// that were stored before it was measured.
func (h history) having(o harness.Objective) (looked history, figures []float64, without history) {
	for _, run := range h {
		values, err := run.Values(measure.FigureName(o))
		switch {
		case err == nil:
			slices.Sort(values)
			looked, figures = append(looked, run), append(figures, (values[(len(values)-1)/2]+values[len(values)/2])/2)
		case looked != nil:
			without = append(without, run)
		}
	}
	return looked, figures, without
}

// lack says that these runs could not be looked at for a figure.
func (h history) lack(w io.Writer, figure string, asJSON bool) {
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
		}{h[0].Scenario, figure, len(h), h[len(h)-1].Run, why})
		fmt.Fprintf(w, "%s\n", raw)
	case len(h) == 1:
		fmt.Fprintf(w, "  %s has no %s: %s\n", h[0].Run, figure, why)
	default:
		fmt.Fprintf(w, "  %d runs, %s the newest of them, have no %s: %s\n", len(h), h[len(h)-1].Run, figure, why)
	}
}

func (h history) print(w io.Writer, d compare.Drift, asJSON bool) {
	before, after := h[d.At-1], h[d.At]
	if asJSON {
		raw, _ := json.Marshal(struct {
			Scenario string `json:"scenario"`
			Run      string `json:"run"`
			compare.Drift
		}{after.Scenario, after.Run, d})
		fmt.Fprintf(w, "%s\n", raw)
		return
	}
	word := "better"
	if d.Worse {
		word = "worse"
	}
	since := ""
	if was, is := before.Labels()[version], after.Labels()[version]; was != is {
		since = fmt.Sprintf("; the server went from %s to %s", was, is)
	}
	fmt.Fprintf(w, "  %s: %s is %s: %s, was %s (%+.1f %% [%+.1f, %+.1f], p = %.2g)%s\n", after.Run, d.Figure, word,
		quantity.Format(d.After, d.Unit), quantity.Format(d.Before, d.Unit), 100*(d.Ratio-1), 100*(d.Lo-1), 100*(d.Hi-1), d.P, strings.TrimSpace(since))
}
