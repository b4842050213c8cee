package history

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// Read reads a stored run. It returns manifest and verdicts too, by which a page shows it.
func Read(dir string) (*Run, store.Manifest, []slo.Verdict, error) {
	m, raw, err := store.ReadManifest(dir)
	if err != nil {
		return nil, m, nil, err
	}
	var verdicts []slo.Verdict
	if err := json.Unmarshal(raw, &verdicts); err != nil {
		return nil, m, nil, fmt.Errorf("%s: %w", filepath.Join(dir, "verdicts.json"), err)
	}
	m.Run = filepath.Base(dir) // whatever its file says
	run := newRun(m, verdicts)
	if run.Labels = m.Scenario.Labels; m.Trial == nil || m.Trial.Scale != "" { // a group of repeats has those of all
		run.Figures, run.Labels = figuresOf(dir, m, verdicts)
	}
	return run, m, verdicts, nil
}

func newRun(m store.Manifest, verdicts []slo.Verdict) *Run {
	run := &Run{ID: idOf(m), Name: m.Run, Identity: IdentityOf(m), File: fileOf(m.Scenario.Where), Where: m.Scenario.Where, Start: m.Start, Length: time.Duration(m.LengthNS), Requests: m.Requests,
		Commit: m.Tool.Commit, Branch: m.Tool.Branch, Tool: m.Tool.Version, Host: m.Host.Name, Server: m.Server.URL, Version: m.Server.Version, GPUs: gpusOf(m.Server.GPUs),
		Virtual: m.Virtual, Failure: m.Failure}
	if m.Stopped.Early() {
		run.Stopped = m.Stopped.String()
	}
	if m.Trial != nil {
		run.PartOf, run.Part = m.Trial.Of, fmt.Sprintf("%s %d", m.Trial.Kind, m.Trial.Number)
	}
	for _, v := range verdicts {
		run.Objectives = append(run.Objectives, Objective{Row: v.Text, Statistic: v.Statistic, Metric: v.Metric, Unit: string(v.Unit), Limit: v.Limit,
			Value: finite(v.Value), Lo: finite(v.Lo), Hi: finite(v.Hi), N: v.N, Outcome: string(v.Outcome)})
	}
	if len(verdicts) > 0 {
		run.Outcome, run.Objective, run.Value = string(worst(verdicts)), verdicts[0].Text, finite(verdicts[0].Value)
	}
	return run
}

// worst is the outcome of all verdicts together.
func worst(verdicts []slo.Verdict) slo.Outcome {
	of := func(o slo.Outcome) bool {
		return slices.ContainsFunc(verdicts, func(v slo.Verdict) bool { return v.Outcome == o })
	}
	switch {
	case of(slo.Missed):
		return slo.Missed
	case of(slo.Unknown):
		return slo.Unknown
	}
	return slo.Met
}

func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// gpusOf counts GPUs by their model.
func gpusOf(gpus []store.GPU) string {
	count := map[string]int{}
	var models []string
	for _, gpu := range gpus {
		if count[gpu.Model]++; count[gpu.Model] == 1 {
			models = append(models, gpu.Model)
		}
	}
	for i, model := range models {
		models[i] = fmt.Sprintf("%d × %s", count[model], model)
	}
	return strings.Join(models, ", ")
}

// figuresOf are the figures and labels of a run's benchmark lines. A sweep has none, and neither has a run of which
// nothing can be compared: one with too few answers for a figure.
func figuresOf(dir string, m store.Manifest, verdicts []slo.Verdict) (lines [][]Figure, labels map[string]string) {
	b, err := store.ReadBaseline(filepath.Join(dir, "bench.txt"))
	if err == nil {
		b, err = b.Of(m.Scenario.Name)
	}
	if err != nil {
		return nil, m.Scenario.Labels
	}
	intervals := map[string]slo.Verdict{}
	for _, v := range verdicts {
		if b.Runs() == 1 && !v.Compares() {
			intervals[store.BenchUnit(measure.FigureName(v.Objective))] = v
		}
	}
	labels = map[string]string{}
	for _, l := range b.Lines() {
		var figures []Figure
		for name, value := range l.Values {
			f := Figure{Name: name, Value: value}
			if v, asked := intervals[name]; asked {
				f.Lo, f.Hi = finite(v.Lo), finite(v.Hi)
			}
			figures = append(figures, f)
		}
		slices.SortFunc(figures, func(a, b Figure) int { return strings.Compare(a.Name, b.Name) })
		lines = append(lines, figures)
		maps.Copy(labels, l.Labels)
	}
	return lines, labels
}

// Baseline is stored runs as others are held against them; nil where none has figures.
func Baseline(where, scenario string, runs []*Run) *store.Baseline {
	var lines []store.Line
	for _, run := range runs {
		for _, figures := range run.Figures {
			l := store.Line{Labels: run.Labels, Values: map[string]float64{}}
			for _, f := range figures {
				l.Values[f.Name] = f.Value
			}
			lines = append(lines, l)
		}
	}
	if lines == nil {
		return nil
	}
	return store.NewBaseline(where, scenario, lines)
}
