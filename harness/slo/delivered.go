package slo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/measure/answers"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// delivered compares the load that was issued, and the answers that came of it, with what
// was asked for.
func (w audit) delivered() (found []Finding) {
	if s := w.Run.Shortfall; s != nil {
		found = append(found, Finding{WholeRun, ShortfallText(s)})
	}
	if w.Answered == 0 {
		found = append(found, Finding{ServerWork, fmt.Sprintf("none of %s was answered: look at the failures", quantity.Counted(w.Due, "request"))})
	}
	if reason := contradiction(w.TokenCounts); reason != "" {
		found = append(found, Finding{TokenCounts, reason})
	}
	return found
}

// ShortfallText says what a load lacks of what was asked for, why, and what to do.
func ShortfallText(s *harness.Shortfall) string {
	asked, issued := fmt.Sprintf("a load of %s", spanText(s.For)), spanText(s.Lasted)
	if s.Asked > 0 {
		asked, issued = quantity.Counted(s.Asked, "request"), quantity.Grouped(s.Issued)
	}
	text := fmt.Sprintf("the load was not the one that was asked for: it issued %s of %s", issued, asked)
	if s.Ahead {
		text = fmt.Sprintf("the load will not be the one that is asked for, and no verdict known: it issues %s of %s", issued, asked)
	}
	if s.For > 0 && !s.Ahead {
		text += fmt.Sprintf(" (%s)", quantity.Counted(s.Issued, "request"))
	}
	if s.Users > 0 {
		text += fmt.Sprintf(", and %s ended early", quantity.Counted(s.Users, "user"))
	}
	shorter := "make the load shorter"
	if s.Asked > 0 && s.Issued > 0 {
		shorter = fmt.Sprintf("write: When the load runs for %s", quantity.Counted(s.Issued, "request"))
	}
	switch s.Cause {
	case harness.ArrivalsEnded:
		return fmt.Sprintf("%s, because the arrivals end (%s); %s, or use arrivals that last longer", text, s.Process, shorter)
	case harness.DatasetFailed:
		return fmt.Sprintf("%s, because the dataset could not be read to its end (%s); leave the file as it is while a load runs", text, s.Error)
	case harness.OutOfTime:
		return fmt.Sprintf("%s, because the time that was left for it was over; allow it more time, or make the load shorter", text)
	}
	return fmt.Sprintf("%s, because the dataset ended; %s, or use a dataset that lasts longer", text, shorter)
}

// spanText is a length of time as a load says it.
func spanText(d time.Duration) string { return d.Round(time.Millisecond).String() }

// The shares that figures bear.
const (
	faultyMost = 0.01 // of answers whose token counts are wrong, or did not come
	overMost   = 0.01 // of answers that were longer, or shorter, than was asked for
)

// broken says that answers had other lengths than the load asked for.
func broken(b answers.Bounds) (reasons []string) {
	if float64(b.Longer) > overMost*float64(b.Most) {
		reasons = append(reasons, fmt.Sprintf("%s of %s were longer than the load allows: it was not the one that was asked for; see whether the server honours max_tokens and max_completion_tokens", quantity.Grouped(b.Longer), quantity.Counted(b.Most, "answer")))
	}
	if float64(b.Shorter) > overMost*float64(b.Least) {
		reasons = append(reasons, fmt.Sprintf("%s of %s were shorter than the load asks for: it was not the one that was asked for; see whether the server honours min_tokens", quantity.Grouped(b.Shorter), quantity.Counted(b.Least, "answer")))
	}
	return reasons
}

// contradiction says why no figure can rest on the server's token counts; "" where they
// can, or where there are none, which is said where they are asked for.
func contradiction(c answers.TokenCounts) string {
	faulty := c.Faulty()
	all := c.Counted + c.Silent + faulty
	switch {
	case float64(faulty) > faultyMost*float64(all):
		return fmt.Sprintf("the server's token counts cannot be right in %s of %s: %s; what rests on them is not known", quantity.Grouped(faulty), quantity.Counted(all, "answer"), ways(c))
	case c.Counted > 0 && float64(c.Silent) > faultyMost*float64(all):
		return fmt.Sprintf("the server sent no token counts with %s of %s: what rests on them is not known; it must support stream_options.include_usage", quantity.Grouped(c.Silent), quantity.Counted(all, "answer"))
	}
	return ""
}

// ways are the ways in which counts cannot be right, the most frequent first.
func ways(c answers.TokenCounts) string {
	says := map[harness.CountFault]string{
		harness.CountInvalid:     "a count is negative, no whole number, or beyond any context",
		harness.CountFell:        "a later count of one answer is below an earlier one",
		harness.CountBelowChunks: "fewer output tokens were counted than pieces of the answer came",
		harness.CountNoPrompt:    "the prompt is counted as no tokens",
		harness.CountSum:         "a part of it is more than the whole",
		harness.CountBeyondAsked: "more output tokens were counted than were asked for at most, and than came",
		harness.CountPrompt:      "more prompt tokens were counted than a prompt of that length can have",
	}
	kinds := slices.SortedFunc(maps.Keys(c.Faults), func(a, b harness.CountFault) int {
		if n := c.Faults[b] - c.Faults[a]; n != 0 {
			return n
		}
		return strings.Compare(string(a), string(b))
	})
	var ways []string
	for _, kind := range kinds {
		ways = append(ways, says[kind])
	}
	return strings.Join(ways, "; ")
}

// Remarks are what a reader of the figures should know of the answers behind them, and no
// figure says.
func Remarks(w *measure.Window) (out []string) {
	e := w.Endings
	for _, finish := range slices.Sorted(maps.Keys(e.Filtered)) {
		out = append(out, fmt.Sprintf("%s of %s ended by a filter of content (finish reason %q): they are no errors, and those without any content have no latency", quantity.Grouped(e.Filtered[finish]), quantity.Counted(e.Whole, "answer"), finish))
	}
	if e.Refused > 0 {
		out = append(out, fmt.Sprintf("%s of %s were refusals, or held one: they count as answers", quantity.Grouped(e.Refused), quantity.Counted(e.Whole, "answer")))
	}
	for _, finish := range slices.Sorted(maps.Keys(e.Others)) {
		out = append(out, fmt.Sprintf("%s of %s ended with the finish reason %q, which is not known here: they count as whole answers", quantity.Grouped(e.Others[finish]), quantity.Counted(e.Whole, "answer"), finish))
	}
	if n := w.TokenCounts.Faulty(); n > 0 && contradiction(w.TokenCounts) == "" {
		out = append(out, fmt.Sprintf("the token counts of %s cannot be right and were left out: %s", quantity.Counted(n, "answer"), ways(w.TokenCounts)))
	}
	return append(out, hasty(w)...)
}
