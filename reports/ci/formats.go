package ci

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/reports"
)

// A ScenarioResult is what CI systems are shown of a scenario.
type ScenarioResult struct {
	Scenario, Where, Headline, Report string
	Target                            reports.Target
	Commit                            string    // of the module that the feature lies in; "" where it is unknown
	Feature                           string    // its name
	Path                              string    // its file, from the module's root
	File                              string    // its file, from the top of the repository, as CI systems link it
	Row                               int       // its line, or that of the row of an outline that it is
	Nth, Of                           int       // of all scenarios with this name in its file, from 1
	Step                              string    // that failed
	Began                             time.Time // on the wall clock, in virtual time too
	Took                              time.Duration
	Tries                             []Try // that this one takes the place of, the oldest first
	Outcome                           slo.Outcome
	Passed                            bool   // the scenario wanted just this, or let it pass
	LetPass                           bool   // what is unknown, as VLLMSPEC_UNKNOWN=warn asks
	Failure                           string // why it did not pass
	Objectives                        []reports.Objective
}

// A Try is what came of a scenario that was run again.
type Try struct {
	Began    time.Time
	Headline string
	Passed   bool
}

// Brief is what the CI formats show of it: without what only its page draws.
func (t ScenarioResult) Brief() ScenarioResult {
	objectives := make([]reports.Objective, 0, len(t.Objectives))
	for _, o := range t.Objectives {
		objectives = append(objectives, reports.Objective{
			Name: o.Name, Limit: o.Limit, Value: o.Value, Interval: o.Interval, N: o.N, Outcome: o.Outcome, Cause: o.Cause, Reason: o.Reason,
			Before: o.Before, Now: o.Now, Change: o.Change, Rises: o.Rises,
		})
	}
	t.Objectives = objectives
	return t
}

// A LeftOut is a scenario that cannot run here, and why: its tags say that it needs a
// real server, or a GPU.
type LeftOut struct {
	Feature  string // its name
	Path     string // its file, from the module's root
	File     string // its file, from the top of the repository
	Scenario string
	Where    string // file and line
	Row      int    // its line
	Nth, Of  int    // of all scenarios with this name in its file, from 1
	Why      string
}

// Failed is the outcome of a scenario that did not come to be judged.
const Failed slo.Outcome = "failed"

// onMock is how many of the scenarios rest on the mock, as a CI format adds it to a count of
// all; "" for none of them.
func onMock(all []ScenarioResult) string {
	n := 0
	for _, t := range all {
		if t.Target.AnySimulated() {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case len(all):
		return " (simulated)"
	}
	return fmt.Sprintf(" (%s simulated)", quantity.Grouped(n))
}

func symbol(o slo.Outcome) string {
	switch o {
	case slo.Met:
		return "✅"
	case slo.Missed, Failed:
		return "❌"
	}
	return "⚠️"
}

// cell is text in a line or a table of Markdown: no markup, no HTML, no end of the cell.
func cell(text string) string {
	text = numbered.ReplaceAllString(markup.ReplaceAllString(plain.Line(text), `\$0`), `$1\$2`)
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "$", "&#36;").Replace(text)
}

// Annotation is a line by which GitHub Actions marks the scenario's line; "" for one
// that passed.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
func (t ScenarioResult) Annotation() string {
	if t.Passed {
		return ""
	}
	kind := "error"
	if t.Outcome == slo.Unknown {
		kind = "warning"
	}
	file, line := t.Where, ""
	if at := strings.LastIndex(t.Where, ":"); at > 0 {
		file, line = t.Where[:at], t.Where[at+1:]
	}
	file = cmp.Or(t.File, file)
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	return fmt.Sprintf("::%s file=%s,line=%s,title=%s::%s", kind, property.Replace(plain.Line(file)), property.Replace(plain.Line(line)), property.Replace(plain.Line(t.Scenario)), data.Replace(plain.Lines(t.Headline)))
}

// Badge is a small picture that says how many scenarios passed.
func Badge(all []ScenarioResult) string {
	passed, unknown := 0, false
	for _, t := range all {
		if t.Passed {
			passed++
		} else if t.Outcome == slo.Unknown {
			unknown = true
		}
	}
	says, colour := fmt.Sprintf("%d of %d pass%s", passed, len(all), onMock(all)), "#c2342b"
	switch {
	case len(all) == 0:
		says, colour = "not measured", "#59616b"
	case passed == len(all):
		colour = "#0a7d4b"
	case unknown && passed+1 >= len(all):
		colour = "#9a6700"
	}
	wide, whole := 12+7*len(says), escaped(says+targets(all))
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="20" role="img" aria-label="SLOs: %s"><title>SLOs: %s</title>`+
		`<clipPath id="r"><rect width="%d" height="20" rx="3"/></clipPath><g clip-path="url(#r)"><rect width="42" height="20" fill="#3b4148"/><rect x="42" width="%d" height="20" fill="%s"/></g>`+
		`<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11"><text x="21" y="14">SLOs</text><text x="%g" y="14">%s</text></g></svg>`+"\n",
		42+wide, whole, whole, 42+wide, wide, colour, 42+float64(wide)/2, says)
}

// targets names all servers that were measured, as a CI format adds them to a count; "" where
// none was.
func targets(all []ScenarioResult) string {
	var names []string
	for _, t := range all {
		if name := t.Target.String(); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if names == nil {
		return ""
	}
	return "; target: " + strings.Join(names, "; ")
}

var markup = regexp.MustCompile("[\\\\|`*_~\\[\\]]|^[#+-]")

// numbered is the start of a numbered list. A backslash before a digit would be shown.
var numbered = regexp.MustCompile(`^(\d+)([.)](?:\s|$))`)

func escaped(text string) string {
	var out strings.Builder
	xml.EscapeText(&out, []byte(text))
	return out.String()
}

// are is "1 scenario is", "2 scenarios are".
func are(n int, of string) string {
	if n == 1 {
		return quantity.Counted(n, of) + " is"
	}
	return quantity.Counted(n, of) + " are"
}
