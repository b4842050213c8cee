package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// Counters read counters, each label set of each series by itself. This is the one
// rule for verdicts, agreement, time line and charts; reports.risesSQL is the same in
// SQL. A counter that falls began again: it has risen from zero since. One that appears
// after the first reading of its source was not there before, and has risen from zero
// too. What it had counted before the first reading is not known, and does not count.
type Counters struct {
	last   map[string]float64 // by series and label set
	resets map[string]int     // by series: how often one of its label sets began again
}

// NewCounters have read nothing yet.
func NewCounters() *Counters {
	return &Counters{last: map[string]float64{}, resets: map[string]int{}}
}

// Rise takes a reading, and is by how much the counter rose since the one before.
// It is known from the second reading of its source on, which was first read at first.
func (c *Counters) Rise(s harness.Sample, first time.Duration) (rise float64, known bool) {
	set := s.Series + " " + LabelKey(s.Labels)
	before, seen := c.last[set]
	c.last[set] = s.Value
	switch {
	case !seen && s.At <= first:
		return 0, false
	case seen && s.Value < before:
		c.resets[s.Series]++
	}
	return Risen(before, s.Value, false), true
}

// Risen is by how much a counter rose from one value to the next; again says that it
// began again, where other counters of the same histogram tell.
func Risen(before, now float64, again bool) float64 {
	if again || now < before {
		return now
	}
	return now - before
}

// LabelKey is a label set as a key.
func LabelKey(labels map[string]string) string {
	if len(labels) == 0 {
		return ""
	}
	parts := make([]string, 0, len(labels))
	for k, v := range labels {
		parts = append(parts, fmt.Sprintf("%s=%q", k, v))
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}
