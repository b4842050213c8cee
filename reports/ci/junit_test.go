package ci_test

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/reports/ci"
)

// A caseRead is a test case as a CI system reads it.
type caseRead struct {
	Class      *string `xml:"classname,attr"`
	Name       string  `xml:"name,attr"`
	File       string  `xml:"file,attr"`
	Status     string  `xml:"status,attr"`
	Time       string  `xml:"time,attr"`
	Properties []struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	} `xml:"properties>property"`
	Failure *struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	} `xml:"failure"`
	Skipped *struct{} `xml:"skipped"`
	Output  string    `xml:"system-out"`
}

type suiteRead struct {
	Name      string     `xml:"name,attr"`
	Tests     int        `xml:"tests,attr"`
	Failures  int        `xml:"failures,attr"`
	Skipped   int        `xml:"skipped,attr"`
	Time      string     `xml:"time,attr"`
	Timestamp string     `xml:"timestamp,attr"`
	Cases     []caseRead `xml:"testcase"`
}

type junitRead struct {
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Suites   []suiteRead `xml:"testsuite"`
}

func readJUnit(t *testing.T, of ci.Results) (read junitRead, cases []caseRead) {
	t.Helper()
	raw, err := ci.JUnit(of)
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(raw, &read))
	for _, s := range read.Suites {
		assert.Len(t, s.Cases, s.Tests)
		cases = append(cases, s.Cases...)
	}
	assert.Len(t, cases, read.Tests)
	return read, cases
}

// jenkins is the package, class and test that Jenkins takes a case for: without a class name it cuts
// the name at its last dot, and a class name it cuts there from its package.
// https://github.com/jenkinsci/junit-plugin, CaseResult
func jenkins(c caseRead) [3]string {
	class, name := "", c.Name
	if c.Class != nil {
		class = *c.Class
	} else if at := strings.LastIndex(name, "."); at >= 0 {
		class, name = name[:at], name[at+1:]
	}
	pkg := "(root)"
	if at := strings.LastIndex(class, "."); at >= 0 {
		pkg, class = class[:at], class[at+1:]
	}
	return [3]string{pkg, class, name}
}

// gitLab is the key by which GitLab knows a case of a job: of two with one key it keeps one.
// https://docs.gitlab.com/ci/testing/unit_test_reports
func gitLab(c caseRead) [2]string {
	class := ""
	if c.Class != nil {
		class = *c.Class
	}
	return [2]string{class, c.Name}
}

// alike are results whose names are as much alike as they can be.
func alike() ci.Results {
	one := func(path, scenario string, row, nth, of int) ci.ScenarioResult {
		return ci.ScenarioResult{Path: path, File: "perf/" + path, Feature: "Chat", Scenario: scenario, Row: row, Nth: nth, Of: of, Outcome: "met", Passed: true}
	}
	return ci.Results{
		Scenarios: []ci.ScenarioResult{
			one("features/a.feature", "llama-3.1-8b keeps up", 2, 1, 1),
			one("features/b.feature", "llama-3.1-8b keeps up", 2, 1, 1),
			one("features/b.c.feature", "Chat", 2, 1, 1),
			one("features/b_c.feature", "Chat", 2, 1, 1),
			one("features/b/c.feature", "Chat", 2, 1, 1),
			one("features/outline.FEATURE", "Rate", 12, 1, 2), one("features/outline.FEATURE", "Rate", 13, 2, 2),
			one("features/outline.FEATURE", "Rate #2", 20, 1, 1),
			one("features/again.feature", "One", 2, 1, 1), one("features/again.feature", "One", 2, 1, 1), one("features/again.feature", "One (run 2)", 9, 1, 1),
			one("features/evil.feature", "\x1b[31m<a> & \"b\" ]]>\x00\u2028\xff", 2, 1, 1),
		},
		Left: []ci.LeftOut{{Path: "features/a.feature", Feature: "Chat", Scenario: "Real", Row: 9, Why: "it needs a GPU\x07"}},
		Refused: []ci.Refusal{
			{Path: "features/x.feature", File: "perf/features/x.feature", Why: "features/x.feature:3: no sentence reads \"\x1b\"\nmore"},
			{Path: "features/y.feature", Why: "the file is empty"},
		},
	}
}

func TestJUnit_casesHaveNamesOfTheirOwn(t *testing.T) {
	read, cases := readJUnit(t, alike())
	require.Len(t, cases, 15)
	inJenkins, inGitLab := map[[3]string]bool{}, map[[2]string]bool{}
	for _, c := range cases {
		require.NotNil(t, c.Class)
		assert.NotEmpty(t, c.Name)
		inJenkins[jenkins(c)], inGitLab[gitLab(c)] = true, true
		assert.Equal(t, c.Name, jenkins(c)[2], "a dot in a name cuts nothing")
	}
	assert.Len(t, inJenkins, len(cases))
	assert.Len(t, inGitLab, len(cases))
	assert.Contains(t, inJenkins, [3]string{"(root)", "features/a", "llama-3.1-8b keeps up"})
	assert.Contains(t, inJenkins, [3]string{"(root)", "features/outline", "Rate #2"})
	assert.Equal(t, "perf/features/a.feature", cases[0].File)
	assert.Equal(t, 2, read.Failures, "each file that cannot be run")
	assert.Equal(t, 1, read.Suites[0].Skipped)
}

func TestJUnit_nameDoesNotDependOnWhatIsRun(t *testing.T) {
	all := alike()
	all.Scenarios = []ci.ScenarioResult{all.Scenarios[6]} // the second row alone
	_, cases := readJUnit(t, all)
	assert.Equal(t, "Rate #2", cases[0].Name)
}

func TestJUnit_leavesNoControlCharacter(t *testing.T) {
	raw, err := ci.JUnit(alike())
	require.NoError(t, err)
	for _, r := range string(raw) {
		assert.True(t, r == '\n' || r >= ' ' && r != '\uFFFD' && r != '\u007f', "%U", r)
	}
	assert.Contains(t, string(raw), `name="[31m&lt;a&gt; &amp; &#34;b&#34; ]]&gt;`)
}

func TestJUnit_caseSaysWhatTheRunShowed(t *testing.T) {
	all := told()
	began := time.Date(2026, 11, 23, 22, 15, 3, 0, time.UTC)
	all[0].Began, all[0].Took = began.Add(time.Second), 1500*time.Millisecond
	all[1].Began, all[1].Took = began, 250*time.Millisecond
	all[1].Tries = []ci.Try{{Began: began.Add(-time.Minute), Headline: "Missed: p99 TTFT was 999 ms."}}
	read, cases := readJUnit(t, ci.Results{Scenarios: all})
	require.Len(t, read.Suites, 1)
	assert.Equal(t, "1.750", read.Suites[0].Time)
	assert.Equal(t, "2026-11-23T22:15:03", read.Suites[0].Timestamp)
	assert.Equal(t, "met", cases[0].Properties[0].Value)
	assert.Equal(t, "1.500", cases[0].Time)
	missed := cases[1]
	assert.Equal(t, "failed", missed.Status)
	assert.Equal(t, "p99 TTFT", missed.Properties[3].Name)
	assert.Equal(t, "missed: 731 ms [690, 790], at most 500 ms, n = 2,134", missed.Properties[3].Value)
	assert.Equal(t, told()[1].Failure, missed.Failure.Text)
	assert.Equal(t, "Missed: p99 TTFT was 731 ms. Step these objectives are met: 1 of 1 objectives are not met:", missed.Failure.Message)
	assert.Equal(t, "tries", missed.Properties[len(missed.Properties)-1].Name)
	assert.Equal(t, "try 1, 2026-11-23T22:14:03: failed: Missed: p99 TTFT was 999 ms.\n", missed.Output)
}
