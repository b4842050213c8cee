package ci

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/reports"
)

// compares reports whether some of its rows hold runs against others.
func (t ScenarioResult) compares() bool {
	return slices.ContainsFunc(t.Objectives, func(o reports.Objective) bool { return o.Before != "" })
}

// objectives are those of a scenario in Markdown: those that compare runs with the figures of both
// sides, and what is known of why others were not met.
func objectives(t ScenarioResult) string {
	var out strings.Builder
	compared := slices.DeleteFunc(slices.Clone(t.Objectives), func(o reports.Objective) bool { return o.Before == "" })
	single := slices.DeleteFunc(slices.Clone(t.Objectives), func(o reports.Objective) bool { return o.Before != "" })
	if len(compared) > 0 {
		out.WriteString("\n| | objective | before | now | change | limit | runs |\n|---|---|---|---|---|---|---|\n")
	}
	for _, o := range compared {
		fmt.Fprintf(&out, "| %s %s | %s | %s | %s | %s %s | %s | %s |\n", symbol(o.Outcome), o.Outcome, cell(o.Name), cell(o.Before), cell(o.Now), change(o), cell(value(o)), cell(o.Limit), cell(o.N))
	}
	if len(single) > 0 {
		out.WriteString("\n| | objective | value | limit | n |\n|---|---|---|---|---|\n")
	}
	for _, o := range single {
		fmt.Fprintf(&out, "| %s %s | %s | %s | %s | %s |\n", symbol(o.Outcome), o.Outcome, cell(o.Name), cell(value(o)), cell(o.Limit), cell(o.N))
	}
	given := map[string]bool{} // reasons that several objectives may share
	for _, o := range t.Objectives {
		if o.Cause != "" && !given[o.Reason] {
			given[o.Reason] = true
			fmt.Fprintf(&out, "\n%s.\n", cell(reports.Sentence(o.Cause)))
		}
	}
	return out.String()
}

// value is a value with its interval.
func value(o reports.Objective) string { return strings.TrimSpace(o.Value + " " + o.Interval) }

// change says where a figure went and whether that is good, as far as the interval shows it.
func change(o reports.Objective) string {
	if o.Change == reports.NoChange {
		return "= no difference seen:"
	}
	if o.Rises {
		return "▲ " + string(o.Change) + ":"
	}
	return "▼ " + string(o.Change) + ":"
}
