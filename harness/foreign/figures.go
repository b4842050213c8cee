package foreign

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
)

// A Figure is one that a tool states, and what the requests that were read give when it is computed as
// that tool does.
type Figure struct {
	Name         string // as the tool calls it
	Stated, Read float64
}

// offMost is how far the two may lie apart: what is lost when instants are rounded to nanoseconds, and
// by tools that keep large samples in sketches.
const offMost = 1e-3

// off says that a figure does not follow from the requests; "" where it does.
func (f Figure) off() string {
	if math.Abs(f.Stated-f.Read) <= offMost*max(math.Abs(f.Stated), math.Abs(f.Read)) {
		return ""
	}
	return fmt.Sprintf("%s is %.6g by the file, and %.6g by the requests in it", f.Name, f.Stated, f.Read)
}

// Doubts are the figures that do not follow from the requests.
func (r *Result) Doubts() (out []string) {
	for _, f := range r.Figures {
		if off := f.off(); off != "" {
			out = append(out, off)
		}
	}
	return out
}

func sortedFigures(all []Figure) []Figure {
	slices.SortFunc(all, func(a, b Figure) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// A tally is the values of requests, in seconds, from when each was sent.
type tally struct {
	ok, failed      int
	prompt, output  float64    // tokens, of whole answers
	ttft, e2e, gaps []float64  // of whole answers
	tpot            []float64  // (last chunk − first chunk) ÷ (output tokens − 1)
	rest            []float64  // (end − first chunk) ÷ (output tokens − 1)
	every           []float64  // from sent to the end, of all requests that had one
	perToken        []weighted // (last chunk − first chunk) ÷ (output tokens − 1), by output tokens − 1
	share           []weighted // (last chunk − sent) ÷ output tokens, by output tokens
}

// weighted is a value that counts several times.
type weighted struct{ value, weight float64 }

func tallyOf(all iter.Seq[harness.Record]) *tally {
	t := new(tally)
	for r := range all {
		t.take(&r)
	}
	return t
}

func (t *tally) take(r *harness.Record) {
	if r.Done != harness.NoTime && r.Sent != harness.NoTime {
		t.every = append(t.every, (r.Done - r.Sent).Seconds())
	}
	if !r.OK() {
		t.failed += btoi(!r.Cut())
		return
	}
	t.ok++
	t.prompt += float64(max(0, r.PromptTokens))
	t.output += float64(max(0, r.OutputTokens))
	t.e2e = append(t.e2e, (r.Done - r.Sent).Seconds())
	if len(r.Chunks) == 0 {
		return
	}
	first, last := r.Chunks[0], r.Chunks[len(r.Chunks)-1]
	t.ttft = append(t.ttft, (first - r.Sent).Seconds())
	for _, gap := range r.ITLs() {
		t.gaps = append(t.gaps, gap.Seconds())
	}
	if n := float64(r.OutputTokens); n > 0 {
		t.share = append(t.share, weighted{(last - r.Sent).Seconds() / n, n})
	}
	if n := float64(r.OutputTokens - 1); n > 0 {
		t.tpot = append(t.tpot, (last-first).Seconds()/n)
		t.rest = append(t.rest, (r.Done-first).Seconds()/n)
		t.perToken = append(t.perToken, weighted{(last - first).Seconds() / n, n})
	}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(1, len(values)))
}

// linear is the quantile of sorted values with linear interpolation between order statistics (type 7).
func linear(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := p * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (sorted[above]-sorted[below])*(at-float64(below))
}

// ones are values that count once each.
func ones(values []float64) (out []weighted) {
	for _, v := range values {
		out = append(out, weighted{v, 1})
	}
	return out
}

func weightedMean(values []weighted) float64 {
	sum, weight := 0.0, 0.0
	for _, v := range values {
		sum += v.value * v.weight
		weight += v.weight
	}
	return sum / max(weight, math.SmallestNonzeroFloat64)
}

// least is the smallest value at or below which a share of the weight lies.
func least(values []weighted, p float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(values), func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
	total, sum := 0.0, 0.0
	for _, v := range sorted {
		total += v.weight
	}
	for i := 0; i < len(sorted); i++ {
		weight := sorted[i].weight
		for i+1 < len(sorted) && sorted[i+1].value == sorted[i].value {
			i++
			weight += sorted[i].weight
		}
		if sum += weight / total; sum >= p {
			return sorted[i].value
		}
	}
	return sorted[len(sorted)-1].value
}
