package measure

import (
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A void is when a series had no value, in one of its label sets at least: its source
// was read, and gave NaN, or less than nothing. Sums over the others would be too small.
type void struct {
	at          time.Duration // the last of them; harness.NoTime
	inside      int           // instants inside the window
	first, last bool          // the source's first reading is one; its latest is
	reads       string        // what was read: "NaN", "-1"
}

func newVoid() void { return void{at: harness.NoTime} }

// isVoid reports whether a sample says that this series had no value.
func isVoid(s harness.Sample, source, series string) bool {
	return s.Source == "watch" && s.Series == harness.SeriesNoValue && s.Labels["of"] == source && s.Labels[harness.LabelSeries] == series
}

// takeVoid takes what is said of a series that is asked for.
func (w *Sampled) takeVoid(s harness.Sample) {
	source, name := s.Labels["of"], s.Labels[harness.LabelSeries]
	for _, of := range w.named[key(source, name)] {
		if of.covers(s.Labels) {
			of.void.take(s, w)
		}
	}
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		histogram, ok := strings.CutSuffix(name, part)
		if of := w.buckets[histogram]; ok && of != nil && source == "server" {
			of.void.take(s, w)
		}
	}
}

func (v *void) take(s harness.Sample, w *Sampled) {
	if v.at != s.At && s.At >= w.from && s.At <= w.to {
		v.inside++
	}
	v.at, v.reads = s.At, s.Labels[harness.LabelReading]
	v.first = v.first || s.At <= w.first(s.Labels["of"])
}

// ended is the void once all of its source was read.
func (w *Sampled) ended(v void, source string) void {
	v.last = v.at != harness.NoTime && v.at >= w.source(source).last
	return v
}

// merge takes those of another run.
func (v *void) merge(of void) {
	if of.at == harness.NoTime {
		return
	}
	v.at, v.reads, v.inside = of.at, of.reads, v.inside+of.inside
	v.first, v.last = v.first || of.first, v.last || of.last
}

// says that a series has no value often enough to stand; "" where it has. Of so many
// readings that gave one, a gauge may have some without; a counter must have been read at
// both ends.
func (v void) says(source, series string, readings int, counter bool) string {
	enough := float64(readings) >= (1-silenceMost)*float64(readings+v.inside)
	if v.at == harness.NoTime || enough && !(counter && (v.first || v.last)) {
		return ""
	}
	who := map[string]string{"server": "the server's metrics give", "gpu": "the GPUs, or their exporter, give"}[source]
	if who == "" {
		who = "the readings of the " + source + " give"
	}
	return fmt.Sprintf("%s %s for %s, which is no value", who, strings.Replace(v.reads, "-", "−", 1), series)
}
