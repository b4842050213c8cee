package live

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/reports"
)

// A part of the line is a text, and the outcome in whose colour it is; "" for none.
type part struct {
	text    string
	outcome slo.Outcome
	rank    int // the lower, the sooner it has room
}

// wide is how many columns it takes, with a space before it.
func (p part) wide() int {
	if p.text == "" {
		return 0
	}
	return utf8.RuneCountInString(p.text) + 1
}

// shortName is how much of a scenario's name is shown before figures that the verdict does not rest on.
const shortName = 12

// line is how far a run has come, in one line of the terminal's width. What has no room is left out
// whole, that on which the verdict does not rest first; the scenario's name is cut to what is left.
func (t *Terminal) line(v reports.View) string {
	const bar, ofName = 10, 4
	p, name := v.Running, t.plain(v.Title)
	full := int(math.Round(p.Percent() / 100 * bar))
	parts := []part{
		{text: strings.TrimSpace(t.place)},
		{text: v.Part.Which, rank: 1},
		{text: strings.Repeat("━", full) + strings.Repeat("─", bar-full), rank: 6},
	}
	parts = append(parts, standing(p)...)
	parts = append(parts, part{text: p.Clock(), rank: 2})
	if p.Failed > 0 {
		parts = append(parts, part{text: count(p.Failed) + " failed", outcome: slo.Missed, rank: 3})
	}
	parts = append(parts, part{text: tail(v), rank: 5}, part{text: count(p.Due) + " ended", rank: 7}, part{text: v.Part.Setting, rank: 8}, part{text: p.Left, rank: 9},
		part{text: cut(name, shortName), rank: ofName})
	parts, room := fitting(parts, t.width())
	var line strings.Builder
	for _, part := range parts {
		text := t.paint(part.outcome, part.text)
		if part.rank == ofName {
			text = cut(name, utf8.RuneCountInString(part.text)+room)
		}
		line.WriteString(text + " ")
	}
	return strings.TrimRight(line.String(), " ")
}

// fitting are the parts that have room in so many columns, and how many of them are left.
func fitting(parts []part, room int) ([]part, int) {
	full := false
	for rank := range 10 {
		for i, of := range parts {
			if of.rank != rank {
				continue
			}
			if full = full || of.wide() > room; full {
				parts[i].text = ""
			}
			room -= parts[i].wide()
		}
	}
	return slices.DeleteFunc(parts, func(of part) bool { return of.text == "" }), room
}

// standing is how the objectives stand, each outcome in its colour: ✓2 ✗0 ?1.
func standing(p *reports.Progress) (parts []part) {
	if p.Total == 0 {
		return nil
	}
	for _, of := range []struct {
		outcome slo.Outcome
		n       int
	}{{slo.Missed, p.Missed}, {slo.Met, p.Met}, {slo.Unknown, p.Total - p.Met - p.Missed}} {
		outcome := of.outcome
		if of.n == 0 {
			outcome = ""
		}
		parts = append(parts, part{text: sign(of.outcome) + count(of.n), outcome: outcome, rank: 1})
	}
	return parts
}

// says is the run in a few figures, for a line that stays.
func says(v reports.View) string {
	p := v.Running
	out := ""
	if v.Part != (reports.Part{}) {
		out = v.Part.String() + ": "
	}
	if p.Total > 0 {
		out += fmt.Sprintf("objectives: %d missed, %d met, %d not yet known; ", p.Missed, p.Met, p.Total-p.Met-p.Missed)
	}
	out += fmt.Sprintf("%s; %s ended, %s failed", p.Says(), count(p.Due), count(p.Failed))
	if tail := tail(v); tail != "" {
		out += ", " + tail
	}
	return out
}

// tail is p99 TTFT; "" where there is none yet.
func tail(v reports.View) string {
	for _, f := range v.Figures {
		for _, value := range f.Values {
			if f.Name == metric.NameTTFT && value.Name == "p99" {
				return "p99 " + metric.NameTTFT + " " + value.Value
			}
		}
	}
	return ""
}

func count(n int) string { return quantity.Format(float64(n), quantity.Count) }

// cut keeps a line within a width.
func cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:max(0, width-1)]) + "…"
}
