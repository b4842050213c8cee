package ci_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/ci"
)

// evil is a text from outside that would be markup, if it were let.
const evil = `</script><script>alert(1)</script><img src=x onerror="alert(2)">`

func told() []ci.ScenarioResult {
	return []ci.ScenarioResult{
		{Scenario: "Quick", Nth: 1, Where: "features/a.feature:3", Path: "features/a.feature", Row: 3, Headline: "Met: the one objective, 10 requests.", Outcome: "met", Passed: true},
		{Scenario: "Slow | " + evil, Nth: 1, Where: "features/a.feature:9", Path: "features/a.feature", Row: 9, Step: "these objectives are met:", Headline: "Missed: p99 TTFT was 731 ms.", Outcome: "missed", Failure: "1 of 1 objectives are not met:\n  $1 & more",
			Report: "run=x/report.html", Objectives: []reports.Objective{{Name: "p99 TTFT", Value: "731 ms", Interval: "[690, 790]", Limit: "at most 500 ms", N: "2,134", Outcome: "missed", Cause: "p99 TTFT was missed because requests waited", Reason: "requests waited"}}},
	}
}

func TestSummary_ofScenariosIsATable(t *testing.T) {
	text := ci.Markdown(told())
	assert.Contains(t, text, "1 of 2 scenarios passed")
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
