package servers

import (
	"maps"

	"github.com/vllmspec/vllmspec/harness/vllm"
)

// A Sample is one of a page of metrics.
type Sample struct {
	Name   string
	Labels map[string]string
	Value  float64
}

// A Translator turns the samples of any software's page into those that vLLM would have.
type Translator struct {
	by      map[string][]entry // by name on a page
	metrics map[Kind]Metrics
	needed  map[Kind]int // how many names of a kind make a page its own
}

// An entry is what one name on a page stands for.
type entry struct {
	kind   Kind
	row    Series
	suffix string // of a histogram's part
}

// NewTranslator is the table by the names of series.
func NewTranslator() *Translator {
	t := &Translator{by: map[string][]entry{}, metrics: map[Kind]Metrics{}, needed: map[Kind]int{}}
	for _, s := range All() {
		t.metrics[s.Kind], t.needed[s.Kind] = s.Metrics, 1
		for _, prefix := range s.Metrics.Prefixes {
			if prefix == "" {
				t.needed[s.Kind] = 3 // names without a prefix may be another's
			}
			for _, row := range s.Metrics.Series {
				for _, suffix := range row.suffixes() {
					name := prefix + row.Name + suffix
					t.by[name] = append(t.by[name], entry{s.Kind, row, suffix})
				}
			}
		}
	}
	return t
}

// suffixes are those of the samples of a series.
func (s Series) suffixes() []string {
	if s.Buckets {
		return []string{vllm.Bucket, vllm.Sum, vllm.Count}
	}
	return []string{""}
}

// Knows reports whether samples of a name are another software's than vLLM's, and stand for something.
func (t *Translator) Knows(name string) bool { return t.by[name] != nil }

// Of is the kind other than vLLM whose series a page has, by their names; of several the one that stands first in
// the table, where engines stand before gateways. [Unknown]: none are known.
func (t *Translator) Of(samples []Sample) Kind {
	found, counted := map[Kind]int{}, map[string]bool{}
	for _, sample := range samples {
		if counted[sample.Name] {
			continue
		}
		counted[sample.Name] = true
		for _, e := range t.by[sample.Name] {
			found[e.kind]++
		}
	}
	for _, s := range All() {
		if found[s.Kind] > 0 && found[s.Kind] >= t.needed[s.Kind] {
			return s.Kind
		}
	}
	return Unknown
}

// Translate is the samples of a kind's page as vLLM has them, with the labels that the harness relies on. What
// has no counterpart is left out.
func (t *Translator) Translate(kind Kind, samples []Sample) (out []Sample) {
	of := t.metrics[kind]
	for _, sample := range samples {
		if of.Parts != "" && sample.Labels[of.Parts] != "" {
			continue
		}
		for _, e := range t.by[sample.Name] {
			if e.kind == kind {
				out = append(out, of.translated(e, sample, samples)...)
			}
		}
	}
	return out
}

// translated is a sample by one entry: one for each name that it has with vLLM.
func (m Metrics) translated(e entry, sample Sample, all []Sample) (out []Sample) {
	value := sample.Value
	if e.row.Label != "" && sample.Labels[e.row.Label] != e.row.Value {
		return nil
	}
	if e.row.Per != "" {
		whole := e.row.whole(sample, all)
		if whole <= 0 {
			return nil
		}
		value /= whole
	}
	for _, name := range e.row.As {
		out = append(out, Sample{Name: name + e.suffix, Labels: m.labels(e.row, sample), Value: value})
	}
	return out
}

// whole is the value that a row's is a share of; 0 where there is none.
func (s Series) whole(sample Sample, all []Sample) float64 {
	labels := maps.Clone(sample.Labels)
	labels[s.Label] = s.Per
	for _, other := range all {
		if other.Name == sample.Name && maps.Equal(other.Labels, labels) {
			return other.Value
		}
	}
	return 0
}

// labels are those of a sample, by vLLM's names where it has any.
func (m Metrics) labels(row Series, sample Sample) map[string]string {
	labels := maps.Clone(sample.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	delete(labels, row.Label)
	if model, named := labels[m.Model]; named && m.Model != "model_name" {
		delete(labels, m.Model)
		labels["model_name"] = model
	}
	switch {
	case row.Reason != "":
		labels[vllm.FinishedReason] = row.Reason
	case row.Finished:
		labels[vllm.FinishedReason] = vllm.AnyReason
	}
	return labels
}
