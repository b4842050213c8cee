package ci

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/reports"
)

// Markdown is a summary of scenarios: those that did not pass, each with its objectives, those that compare
// runs, the others folded, and the scenarios that were left out. Whatever a scenario is called stays text.
func Markdown(all []ScenarioResult, left ...LeftOut) string {
	if len(all) == 0 {
		return "## Objectives: not measured\n\nNo scenario came to be measured.\n" + leftOut(left)
	}
	var out strings.Builder
	targets := distinct(all, func(t ScenarioResult) string { return t.Target.String() })
	fmt.Fprintf(&out, "## `%s` Objectives: %s%s\n\n", strings.ToUpper(string(outcomeOf(all))), Passed(all), onMock(all))
	out.WriteString(measured(targets, distinct(all, func(t ScenarioResult) string { return t.Commit })))
	var passed []ScenarioResult
	for _, t := range all {
		if t.Passed {
			passed = append(passed, t)
			continue
		}
		out.WriteString(section(t, len(targets) > 1))
	}
	for _, t := range passed {
		if t.compares() {
			out.WriteString(section(t, len(targets) > 1))
		}
	}
	out.WriteString(folded(passed, len(passed) == len(all), len(targets) > 1))
	out.WriteString(leftOut(left))
	return out.String()
}

// Passed says how many scenarios passed.
func Passed(all []ScenarioResult) string {
	passed := 0
	for _, t := range all {
		if t.Passed {
			passed++
		}
	}
	return fmt.Sprintf("%d of %s passed", passed, quantity.Counted(len(all), "scenario"))
}

// outcomeOf is the outcome of all scenarios as one word: "passed", or that of the worst that did not pass.
func outcomeOf(all []ScenarioResult) slo.Outcome {
	worst := slo.Outcome("passed")
	for _, t := range all {
		switch {
		case t.Passed:
		case t.Outcome == slo.Unknown && worst != Failed && worst != slo.Missed:
			worst = slo.Unknown
		case t.Outcome == slo.Missed:
			worst = slo.Missed
		case t.Outcome != slo.Unknown && worst != slo.Missed:
			worst = Failed
		}
	}
	return worst
}

// distinct are the values of scenarios that are not empty, each once.
func distinct(all []ScenarioResult, of func(ScenarioResult) string) (values []string) {
	for _, t := range all {
		if value := of(t); value != "" && !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return values
}

// measured says which servers were measured, and at which commits.
func measured(targets, commits []string) string {
	var lines []string
	for _, target := range targets {
		lines = append(lines, "target: "+cell(target))
	}
	for _, commit := range commits {
		lines = append(lines, "commit: "+cell(commit))
	}
	if lines == nil {
		return ""
	}
	return strings.Join(lines, "  \n") + "\n"
}

// outcome is what came of a scenario, and whether it passed with that.
func (t ScenarioResult) outcome() string {
	says := symbol(t.Outcome) + " " + reports.Simulated(string(t.Outcome), t.Target.AnySimulated())
	if t.Passed && t.Outcome != slo.Met {
		says = symbol(slo.Met) + " " + reports.Simulated(string(t.Outcome), t.Target.AnySimulated()) + ", " + reports.PassedAs(t.LetPass)
	}
	if len(t.Tries) > 0 {
		says += fmt.Sprintf(", try %d", len(t.Tries)+1)
	}
	return says
}

// section is a scenario with its objectives.
func section(t ScenarioResult, withTarget bool) string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n### %s: %s\n\n%s", t.outcome(), cell(t.Scenario), cell(t.Where))
	if withTarget {
		fmt.Fprintf(&out, ", target: %s", cell(t.Target.String()))
	}
	if t.Report != "" {
		fmt.Fprintf(&out, ", report: %s", cell(t.Report))
	}
	out.WriteString("\n")
	if t.Headline != "" {
		fmt.Fprintf(&out, "\n%s\n", cell(t.Headline))
	}
	out.WriteString(objectives(t))
	return out.String()
}

// folded is a table of the scenarios that passed, which a reader unfolds; open: it is unfolded.
func folded(passed []ScenarioResult, open, withTarget bool) string {
	if len(passed) == 0 {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\n<details%s><summary>%s passed</summary>\n\n", map[bool]string{true: " open"}[open], quantity.Counted(len(passed), "scenario"))
	target, line := "", ""
	if withTarget {
		target, line = " target |", "---|"
	}
	fmt.Fprintf(&out, "| | scenario | objectives |%s report |\n|---|---|---|%s---|\n", target, line)
	for _, t := range passed {
		rows := []string{}
		for _, o := range t.Objectives {
			rows = append(rows, fmt.Sprintf("%s: %s, %s", cell(o.Name), cell(value(o)), cell(o.Limit)))
		}
		if len(rows) == 0 {
			rows = append(rows, cell(t.Headline))
		}
		if withTarget {
			target = " " + cell(t.Target.String()) + " |"
		}
		fmt.Fprintf(&out, "| %s | %s | %s |%s %s |\n", t.outcome(), cell(t.Scenario), strings.Join(rows, "<br>"), target, cell(t.Report))
	}
	out.WriteString("\n</details>\n")
	return out.String()
}

// leftOut lists the scenarios that cannot run here.
func leftOut(left []LeftOut) string {
	if len(left) == 0 {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s left out:\n\n", are(len(left), "scenario"))
	for _, l := range left {
		fmt.Fprintf(&out, "- %s (%s): %s\n", cell(l.Scenario), cell(l.Where), cell(l.Why))
	}
	return out.String()
}
