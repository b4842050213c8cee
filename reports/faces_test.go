package reports_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/reports"
)

func told() []reports.Told {
	return []reports.Told{
		{Scenario: "Quick", Nth: 1, Where: "features/a.feature:3", Headline: "Met: the one objective, 10 requests.", Outcome: "met", Passed: true},
		{Scenario: "Slow | " + evil, Nth: 1, Where: "features/a.feature:9", Headline: "Missed: p99 TTFT was 731 ms.", Outcome: "missed", Failure: "1 of 1 objectives are not met:\n  $1 & more",
			Report: "run=x/report.html", Objectives: []reports.Objective{{Name: "p99 TTFT", Value: "731 ms", Interval: "[690, 790]", Limit: "at most 500 ms", N: "2,134", Outcome: "missed", Cause: "p99 TTFT was missed because requests waited"}}},
	}
}

func TestASummaryOfScenariosIsATable(t *testing.T) {
	text := reports.Markdown(told())
	assert.Contains(t, text, "1 of 2 scenarios passed")
	assert.Contains(t, text, "| ❌ missed | p99 TTFT | 731 ms \\[690, 790\\] | at most 500 ms | 2,134 |")
	assert.Contains(t, text, "P99 TTFT was missed because requests waited.")
	assert.NotContains(t, text, "<script>")
	assert.Contains(t, text, `Slow \| &lt;`)
}

func TestAnAnnotationIsOneLineAtTheScenario(t *testing.T) {
	assert.Empty(t, told()[0].Annotation())
	line := told()[1].Annotation()
	assert.True(t, strings.HasPrefix(line, "::error file=features/a.feature,line=9,title=Slow"), line)
	assert.True(t, strings.HasSuffix(line, "::Missed: p99 TTFT was 731 ms."), line)
}

func TestABadgeIsAPicture(t *testing.T) {
	var svg struct {
		Title string `xml:"title"`
	}
	require.NoError(t, xml.Unmarshal([]byte(reports.Badge(told())), &svg))
	assert.Equal(t, "SLOs: 1 of 2 pass", svg.Title)
	assert.Contains(t, reports.Badge(told()), "#c2342b")
	assert.Contains(t, reports.Badge(told()[:1]), "#0a7d4b")
}

func TestObjectivesArePropertiesOfTheirTestCase(t *testing.T) {
	var name strings.Builder
	require.NoError(t, xml.EscapeText(&name, []byte(told()[1].Scenario)))
	cases := `<testcase name="Quick" status="passed" time="1"></testcase>
<testcase name="` + name.String() + `" status="failed" time="2"><failure message="Step these objectives are met"></failure><error message="x" type="skipped"></error></testcase>`
	var suite struct {
		Cases []struct {
			Name       string `xml:"name,attr"`
			Properties []struct {
				Name  string `xml:"name,attr"`
				Value string `xml:"value,attr"`
			} `xml:"properties>property"`
			Failure struct {
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
		} `xml:"testcase"`
	}
	require.NoError(t, xml.Unmarshal([]byte("<suite>"+reports.InJUnit(cases, told())+"</suite>"), &suite))
	require.Len(t, suite.Cases, 2)
	assert.Equal(t, "met", suite.Cases[0].Properties[0].Value)
	missed := suite.Cases[1]
	assert.Equal(t, "p99 TTFT", missed.Properties[3].Name)
	assert.Equal(t, "missed: 731 ms [690, 790], at most 500 ms, n = 2,134", missed.Properties[3].Value)
	assert.Equal(t, told()[1].Failure, missed.Failure.Text)
	assert.Equal(t, "Step these objectives are met", missed.Failure.Message)
}

func TestScenariosOfOneNameAreToldApart(t *testing.T) {
	told := []reports.Told{
		{Scenario: "Chat", Nth: 2, Headline: "the second"}, // the first came to no judgement
		{Scenario: "Chat", Nth: 3, Headline: "the third"},
		{Scenario: "Chat #2 of many", Nth: 1, Headline: "another"},
	}
	var cases strings.Builder
	for _, name := range []string{"Chat #1", "Chat #2", "Chat #3", "Chat #2 of many"} {
		cases.WriteString(`<testcase name="` + name + `" status="passed"></testcase>`)
	}
	var suite struct {
		Cases []struct {
			Properties []struct {
				Value string `xml:"value,attr"`
			} `xml:"properties>property"`
		} `xml:"testcase"`
	}
	require.NoError(t, xml.Unmarshal([]byte("<suite>"+reports.InJUnit(cases.String(), told)+"</suite>"), &suite))
	require.Len(t, suite.Cases, 4)
	assert.Empty(t, suite.Cases[0].Properties)
	for i, says := range []string{"the second", "the third", "another"} {
		require.NotEmpty(t, suite.Cases[i+1].Properties)
		assert.Equal(t, says, suite.Cases[i+1].Properties[1].Value)
	}
}

func TestASummarySaysACauseOnce(t *testing.T) {
	all := told()
	again := all[1].Objectives[0]
	again.Name, again.Cause = "p50 TTFT", "p50 TTFT was missed because requests waited"
	all[1].Objectives = append(all[1].Objectives, again)
	assert.Equal(t, 1, strings.Count(reports.Markdown(all), "because requests waited"))
}
