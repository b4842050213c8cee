package experiment

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// labels are what runs must have in common to be compared: the load, the dataset, the server
// and the clock. Faults of a simulated server are not among them: a comparison is to find
// those.
func (e *Experiment) labels(of Target) map[string]string {
	s := e.scenario
	labels := map[string]string{
		"model": of.Model, "workload": fmt.Sprint(s.Dataset), "load": fmt.Sprint(s.Load), "seed": strconv.FormatUint(s.Seed, 10),
		"clock": "real", "server": "real", "gpu": of.GPU, "good": goodLabel(s.Good), "interface": s.Interface.Name, "answers": string(s.Interface.Answers),
		"files": e.plan.Files,
	}
	if e.plan.Virtual {
		labels["clock"] = "virtual"
	}
	if e.session.Place.OnMock(e.plan.Target, e.plan.Virtual) {
		labels["server"] = "mock"
	}
	if of.Sequences > 0 {
		labels["server"] = fmt.Sprintf("mock of %d sequences and %d cache blocks", of.Sequences, of.Cache)
	}
	if s.Warmup > 0 {
		labels["warm-up"] = s.Warmup.String()
	}
	if s.Leftovers {
		labels["prefix-cache"] = "with what earlier runs left"
	}
	if s.Abandonment.Share > 0 {
		labels["given-up"] = fmt.Sprintf("%.4g %% after %v", 100*s.Abandonment.Share, s.Abandonment.After)
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

// label adds to the labels of runs on a server what only the server itself reports.
func (on *endpoint) label() {
	on.labels["model"] = on.about.Model
	if on.about.Mock && on.Remote { // a run of it is no baseline of a real server
		on.labels["server"] = "mock"
	}
	if on.client.Chats() { // what is a completion else
		on.labels["interface"] = store.InterfaceChat
	}
	if on.about.Version != "" {
		on.labels["server-version"] = on.about.Version
	}
	if replicas := len(on.client.Replicas); replicas > 1 {
		on.labels["replicas"] = strconv.Itoa(replicas)
	}
}

// benchmarks are the figures of these runs as others can be compared with them.
func (e *Experiment) benchmarks(labels map[string]string, windows []*measure.Window) []byte {
	labels = maps.Clone(labels)
	var runs []store.Measured
	for _, window := range windows {
		if unsound := slo.Audit(window); unsound != nil {
			labels["unsound"] = unsound[0].Text // nothing is to be compared with it
		}
		runs = append(runs, store.Measured{Requests: window.Requests(), Figures: window.Comparable(e.plan.Comparisons)})
	}
	return store.Bench(e.scenario.Name, labels, runs...)
}

// benchmark is the figures of a run.
func (t *trial) benchmark() []byte {
	labels := t.scenario.Labels
	if t.about != nil {
		labels = maps.Clone(labels)
		labels["seed"] = strconv.FormatUint(t.scenario.Seed, 10)
	}
	return t.of.benchmarks(labels, []*measure.Window{t.measured()})
}
