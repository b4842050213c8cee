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
func (w *world) labels(of target) map[string]string {
	s := w.scenario
	labels := map[string]string{
		"model": of.model, "workload": fmt.Sprint(s.Dataset), "load": fmt.Sprint(s.Load), "seed": strconv.FormatUint(s.Seed, 10),
		"clock": "real", "server": "real", "gpu": of.gpu, "good": goodLabel(s.Good),
		"files": filesLabel(w.workload.files),
	}
	if w.suite.inBubble {
		labels["clock"] = "virtual"
	}
	if of.simulated || !w.suite.live() || w.suite.env.RealTime {
		labels["server"] = "mock"
	}
	if of.sequences > 0 {
		labels["server"] = fmt.Sprintf("mock of %d sequences and %d cache blocks", of.sequences, of.cache)
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
	if replicas := len(w.served.client.Replicas); replicas > 1 {
		w.scenario.Labels["replicas"] = strconv.Itoa(replicas)
	}
}

// benchmarks are the figures of these runs as others can be compared with them.
func (w *world) benchmarks(labels map[string]string, windows []*slo.Window) []byte {
	labels = maps.Clone(labels)
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
