package ci_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/ci"
)

// evil is a text from outside that would be markup, if it were let.
const evil = `</script><script>alert(1)</script><img src=x onerror="alert(2)">`

func told() []ci.ScenarioResult {
	return []ci.ScenarioResult{
		{Scenario: "Quick", Nth: 1, Where: "features/a.feature:3", Path: "features/a.feature", Row: 3, Headline: "Met: both objectives, 10 requests.", Outcome: "met", Passed: true, Commit: "5f3a",
			Objectives: []reports.Objective{{Name: "p50 TTFT", Value: "20 ms", Limit: "at most 1 s", Outcome: "met"}, {Name: "error rate", Value: "0 %", Limit: "none", Outcome: "met"}}},
		{Scenario: "Slow | " + evil, Nth: 1, Where: "features/a.feature:9", Path: "features/a.feature", Row: 9, Step: "these objectives are met:", Headline: "Missed: p99 TTFT was 731 ms.", Outcome: "missed", Failure: "1 of 1 objectives are not met:\n  $1 & more",
			Report: "run=x/report.html", Objectives: []reports.Objective{{Name: "p99 TTFT", Value: "731 ms", Interval: "[690, 790]", Limit: "at most 500 ms", N: "2,134", Outcome: "missed", Cause: "p99 TTFT was missed because requests waited", Reason: "requests waited"}}},
	}
}

func TestSummary_ofScenariosIsATable(t *testing.T) {
	text := ci.Markdown(told())
	assert.True(t, strings.HasPrefix(text, "## `MISSED` Objectives: 1 of 2 scenarios passed\n\ncommit: 5f3a"), text)
	assert.Less(t, strings.Index(text, "### ❌ missed: Slow"), strings.Index(text, "<details><summary>1 scenario passed</summary>"), "what failed comes first")
	assert.Contains(t, text, "features/a.feature:9, report: run=x/report.html\n\nMissed: p99 TTFT was 731 ms.\n")
	assert.Contains(t, text, "| ✅ met | Quick | p50 TTFT: 20 ms, at most 1 s<br>error rate: 0 %, none |  |\n")
	assert.Contains(t, text, "| ❌ missed | p99 TTFT | 731 ms \\[690, 790\\] | at most 500 ms | 2,134 |")
	assert.Contains(t, text, "P99 TTFT was missed because requests waited.")
	assert.NotContains(t, text, "<script>")
	assert.Contains(t, text, `Slow \| &lt;`)
}

func TestAnnotation_isOneLineAtTheScenario(t *testing.T) {
	assert.Empty(t, told()[0].Annotation())
	line := told()[1].Annotation()
	assert.True(t, strings.HasPrefix(line, "::error file=features/a.feature,line=9,title=Slow"), line)
	assert.True(t, strings.HasSuffix(line, "::Missed: p99 TTFT was 731 ms."), line)
}

func TestAnnotation_countsFromTheRepository(t *testing.T) {
	one := told()[1]
	one.Where, one.File = "slo/a:b, c.feature:9", "perf/slo/a:b, c.feature"
	assert.True(t, strings.HasPrefix(one.Annotation(), "::error file=perf/slo/a%3Ab%2C c.feature,line=9,"), one.Annotation())
}

func TestBadge_isAPicture(t *testing.T) {
	var svg struct {
		Title string `xml:"title"`
	}
	require.NoError(t, xml.Unmarshal([]byte(ci.Badge(told())), &svg))
	assert.Equal(t, "SLOs: 1 of 2 pass", svg.Title)
	assert.Contains(t, ci.Badge(told()), "#c2342b")
	assert.Contains(t, ci.Badge(told()[:1]), "#0a7d4b")
}

func TestSummary_saysACauseOnce(t *testing.T) {
	all := told()
	again := all[1].Objectives[0]
	again.Name, again.Cause = "p50 TTFT", "p50 TTFT was missed because requests waited"
	assert.NotEmpty(t, again.Reason)
	all[1].Objectives = append(all[1].Objectives, again)
	assert.Equal(t, 1, strings.Count(ci.Markdown(all), "because requests waited"))
}

func TestMarkdown_comparesWithTheBaseline(t *testing.T) {
	row := func(name string, change reports.Change, rises bool, outcome slo.Outcome) reports.Objective {
		return reports.Objective{Name: name, Before: "412 ms", Now: "431 ms", Value: "104.6 %", Interval: "[102, 108]", Limit: "at most 10% worse", N: "12", Change: change, Rises: rises, Outcome: outcome}
	}
	passed := ci.ScenarioResult{Scenario: "As fast as it was", Where: "slo/chat.feature:4", Outcome: slo.Met, Passed: true, Objectives: []reports.Objective{
		row("p95 TTFT", reports.Worse, true, slo.Met), row("p50 TPOT", reports.Better, false, slo.Met), row("p50 E2E", reports.NoChange, true, slo.Met),
		{Name: "error rate", Value: "0 %", Limit: "at most 1%", N: "500", Outcome: slo.Met},
	}}
	text := ci.Markdown([]ci.ScenarioResult{passed})
	assert.Contains(t, text, `
| | objective | before | now | change | limit | runs |
|---|---|---|---|---|---|---|
| ✅ met | p95 TTFT | 412 ms | 431 ms | ▲ worse: 104.6 % \[102, 108\] | at most 10% worse | 12 |
| ✅ met | p50 TPOT | 412 ms | 431 ms | ▼ better: 104.6 % \[102, 108\] | at most 10% worse | 12 |
| ✅ met | p50 E2E | 412 ms | 431 ms | = no difference seen: 104.6 % \[102, 108\] | at most 10% worse | 12 |

| | objective | value | limit | n |
|---|---|---|---|---|
| ✅ met | error rate | 0 % | at most 1% | 500 |
`)
	passed.Objectives = passed.Objectives[3:]
	assert.NotContains(t, ci.Markdown([]ci.ScenarioResult{passed}), "###", "what passed and compares nothing is a line")
}

func TestMarkdown_showsNumbersWithoutABackslash(t *testing.T) {
	text := ci.Markdown([]ci.ScenarioResult{{Scenario: "1. First", Headline: "10.5 s", Outcome: slo.Missed}})
	assert.Contains(t, text, "\n### ❌ missed: 1\\. First\n\n\n\n10.5 s\n")
}
