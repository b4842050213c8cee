package steps

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// labels are what runs must share to be compared with each other: what was asked of
// which server, when, and by what clock. Faults of a simulated server are not among
// them: they are what a comparison is to find.
func (w *world) labels() map[string]string {
	s := w.scenario
	labels := map[string]string{
		"model": w.target.model, "workload": fmt.Sprint(s.Dataset), "load": fmt.Sprint(s.Load), "seed": strconv.FormatUint(s.Seed, 10),
		"clock": "real", "server": "real", "gpu": w.target.gpu, "good": goodLabel(s.Good),
	}
	if w.suite.inBubble {
		labels["clock"] = "virtual"
	}
	if w.target.simulated || !w.suite.live() || w.suite.env.RealTime {
		labels["server"] = "mock"
	}
	if w.target.sequences > 0 {
		labels["server"] = fmt.Sprintf("mock of %d sequences and %d cache blocks", w.target.sequences, w.target.cache)
	}
	if s.Warmup > 0 {
		labels["warm-up"] = s.Warmup.String()
	}
	if s.Impatience.Share > 0 {
		labels["given-up"] = fmt.Sprintf("%.4g %% after %v", 100*s.Impatience.Share, s.Impatience.After)
	}
	for key, value := range labels {
		if value == "" {
			delete(labels, key)
		}
	}
	return labels
}

func goodLabel(good []harness.Objective) string {
	var rows []string
	for _, o := range good {
		rows = append(rows, o.Text)
	}
	return strings.Join(rows, ", ")
}

// labelServer adds what only the server itself tells.
func (w *world) labelServer() {
	about := w.served.about
	w.scenario.Labels["model"] = about.Model
	if about.Version != "" {
		w.scenario.Labels["server-version"] = about.Version
	}
}

// benchmarks are the figures of these runs as others can be compared with them.
func (w *world) benchmarks(windows []*slo.Window) []byte {
	labels := maps.Clone(w.scenario.Labels)
	if w.about != nil && len(windows) == 1 {
		labels["seed"] = strconv.FormatUint(w.scenario.Seed, 10)
	}
	var runs []store.Measured
	for _, window := range windows {
		if unsound := window.Audit(); unsound != nil {
			labels["unsound"] = unsound[0] // nothing is to be compared with it
		}
		runs = append(runs, store.Measured{Requests: window.Requests(), Figures: window.Comparable(w.comparisons)})
	}
	return store.Bench(w.scenario.Name, labels, runs...)
}
