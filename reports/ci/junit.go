package ci

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/plain"
)

// Results are what CI systems read of a go test.
type Results struct {
	Scenarios []ScenarioResult
	Left      []LeftOut
	Refused   []Refusal
}

// A Refusal is why a file, or everything, was not run, or not to its end.
type Refusal struct {
	Path      string // the feature that cannot be run; "" for all of them
	File      string // as Scenarios has it
	Why       string
	AfterSome bool // something was run before
}

// Times of JUnit's: seconds, and instants in UTC.
const junitTime = "2006-01-02T15:04:05"

type junitSuites struct {
	XMLName  xml.Name      `xml:"testsuites"`
	Name     string        `xml:"name,attr"`
	Tests    int           `xml:"tests,attr"`
	Failures int           `xml:"failures,attr"`
	Errors   int           `xml:"errors,attr"`
	Skipped  int           `xml:"skipped,attr"`
	Time     string        `xml:"time,attr"`
	Suites   []*junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr,omitempty"`
	File      string      `xml:"file,attr,omitempty"`
	Cases     []junitCase `xml:"testcase"`

	took  time.Duration
	began time.Time
}

type junitCase struct {
	Name       string           `xml:"name,attr"`
	Class      string           `xml:"classname,attr"`
	File       string           `xml:"file,attr,omitempty"`
	Line       int              `xml:"line,attr,omitempty"`
	Status     string           `xml:"status,attr"`
	Time       string           `xml:"time,attr"`
	Properties *junitProperties `xml:"properties"`
	Failure    *junitReason     `xml:"failure"`
	Error      *junitReason     `xml:"error"`
	Skipped    *junitReason     `xml:"skipped"`
	Output     string           `xml:"system-out,omitempty"`
}

type junitProperties struct {
	All []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitReason struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit is junit.xml: a suite for each feature, a case for each scenario, with its objectives as
// properties. The class is the feature's path, and no two cases of the file have class and
// name in common: CI systems know a test by these two, from run to run.
func JUnit(r Results) ([]byte, error) {
	all := junitSuites{Name: "vllmspec"}
	of := map[string]*junitSuite{}
	add := func(path, name, file string, c junitCase) *junitSuite {
		suite := of[path]
		if suite == nil {
			suite = &junitSuite{Name: oneLine(name), File: oneLine(file)}
			of[path] = suite
			all.Suites = append(all.Suites, suite)
		}
		c.Class, c.File = classOf(path), oneLine(file)
		suite.add(c)
		return suite
	}
	for _, t := range r.Scenarios {
		add(t.Path, t.Feature, t.File, t.junit()).lasted(t)
	}
	for _, l := range r.Left {
		c := junitCase{Name: named(l.Scenario, l.Nth, l.Of), Line: l.Row, Status: "skipped", Time: seconds(0), Skipped: &junitReason{Message: oneLine(l.Why)}}
		add(l.Path, l.Feature, l.File, c)
	}
	for _, refused := range r.Refused {
		name, c := refused.junit()
		add(refused.Path, name, refused.File, c)
	}
	var took time.Duration
	for _, s := range all.Suites {
		s.finish()
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
		took += s.took
	}
	all.Time = seconds(took)
	unique(all.Suites)
	raw, err := xml.MarshalIndent(all, "", "  ")
	return append([]byte(xml.Header), append(raw, '\n')...), err
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func (s *junitSuite) lasted(t ScenarioResult) {
	s.took += t.Took
	if s.began.IsZero() || !t.Began.IsZero() && t.Began.Before(s.began) {
		s.began = t.Began
	}
}

func (s *junitSuite) finish() {
	s.Time = seconds(s.took)
	if !s.began.IsZero() {
		s.Timestamp = s.began.UTC().Format(junitTime)
	}
}

// junit is the scenario's test case.
func (t ScenarioResult) junit() junitCase {
	c := junitCase{Name: named(t.Scenario, t.Nth, t.Of), Line: t.Row, Status: "passed", Time: seconds(t.Took), Properties: t.properties()}
	if !t.Passed {
		c.Status = "failed"
		c.Failure = &junitReason{Message: oneLine(t.failed()), Text: clean(t.Failure)}
	}
	for i, earlier := range t.Tries {
		c.Output += fmt.Sprintf("try %d, %s: %s: %s\n", i+1, earlier.Began.UTC().Format(junitTime), earlier.outcome(), clean(earlier.Headline))
	}
	return c
}

// failed says why a scenario did not pass: what is wrong with its run comes first, then the sentence.
func (t ScenarioResult) failed() string {
	says := firstLine(t.Failure)
	if t.Step != "" {
		says = "Step " + strings.TrimSuffix(t.Step, ":") + ": " + says
	}
	switch {
	case t.Outcome == Failed && t.Headline != "":
		return firstLine(t.Headline)
	case t.Headline == "" || t.Outcome == slo.Met: // of a run that met its objectives the sentence alone says what is wrong
		return says
	}
	return t.Headline + " " + says
}

func (t Try) outcome() string {
	if t.Passed {
		return "passed"
	}
	return "failed"
}

func (t ScenarioResult) properties() *junitProperties {
	var p junitProperties
	add := func(name, value string) {
		p.All = append(p.All, junitProperty{oneLine(name), oneLine(value)})
	}
	add("outcome", string(t.Outcome))
	add("headline", t.Headline)
	if t.Report != "" {
		add("report", t.Report)
	}
	for _, o := range t.Objectives {
		add(o.Name, fmt.Sprintf("%s: %s, %s, n = %s", o.Outcome, strings.TrimSpace(o.Value+" "+o.Interval), o.Limit, o.N))
	}
	add("target", t.Target.String())
	if t.Commit != "" {
		add("commit", t.Commit)
	}
	add("simulated", fmt.Sprint(t.Target.AnySimulated()))
	if len(t.Tries) > 0 {
		add("tries", fmt.Sprint(len(t.Tries)+1))
	}
	return &p
}

// junit is the suite's name and the test case of a file that cannot be run, or of tests of
// which nothing was run.
func (r Refusal) junit() (suite string, c junitCase) {
	reason := &junitReason{Message: oneLine(firstLine(r.Why)), Type: "refused", Text: clean(r.Why)}
	c = junitCase{Name: oneLine(strings.ToLower(notRun(r.AfterSome))), Status: "failed", Time: seconds(0)}
	switch {
	case r.AfterSome:
		c.Error = reason
		return "after the last scenario", c
	case r.Path == "":
		c.Error = reason
		return "before any scenario", c
	}
	c.Name, c.Failure = "the feature can be run", reason
	return r.Path, c
}

// classOf is a feature's path as the class of its cases: without .feature, and with "_" for
// other dots, at which CI systems cut the name of a class from that of its package.
func classOf(file string) string {
	if file == "" {
		return "vllmspec"
	}
	if strings.EqualFold(path.Ext(file), ".feature") {
		file = file[:len(file)-len(".feature")]
	}
	return oneLine(strings.ReplaceAll(file, ".", "_"))
}

// named is a scenario's name, and which of its name it is, where its file has several, as the rows of an
// outline are. That does not depend on which of them are run.
func named(scenario string, nth, of int) string {
	if of > 1 {
		return oneLine(fmt.Sprintf("%s #%d", scenario, nth))
	}
	return oneLine(cmp.Or(scenario, "unnamed"))
}

// unique gives a case whose class and name an earlier one has, as with -count, a name of its own.
func unique(suites []*junitSuite) {
	type key struct{ class, name string }
	seen := map[key]bool{}
	for _, s := range suites {
		for i := range s.Cases {
			c := &s.Cases[i]
			first := key{c.Class, c.Name}
			k := first
			for n := 2; seen[k]; n++ {
				k.name = fmt.Sprintf("%s (run %d)", first.name, n)
			}
			seen[k], c.Name = true, k.name
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// clean is a text in lines, without what XML 1.0 forbids even when it is escaped: besides what no
// CI format shows, two characters that are none.
func clean(text string) string {
	return strings.NewReplacer("\uFFFE", "", "\uFFFF", "").Replace(plain.Lines(text))
}

// oneLine is a clean text for an attribute.
func oneLine(text string) string { return plain.Line(clean(text)) }
