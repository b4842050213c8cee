package reports

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/slo"
)

// A Told is what CI systems are told of a scenario.
type Told struct {
	Scenario, Where, Headline, Report string
	Nth                               int // of the scenarios with this name in its feature, from 1
	Outcome                           slo.Outcome
	Passed                            bool   // the scenario wanted just this, or let it pass
	LetPass                           bool   // what is unknown, as VLLMSPEC_UNKNOWN=warn asks
	Failure                           string // why it did not pass
	Objectives                        []Objective
}

// Failed is the outcome of a scenario that did not come to be judged.
const Failed slo.Outcome = "failed"

// LetPassAs begins the warning of a run that something unknown did not fail it.
const LetPassAs = "unknown, and let pass as VLLMSPEC_UNKNOWN=warn asks: "

// LetPass reports whether warnings say so.
func LetPass(warnings []string) bool {
	return slices.ContainsFunc(warnings, func(w string) bool { return strings.HasPrefix(w, LetPassAs) })
}

// passedAs says why a scenario passed that met not all of its objectives.
func passedAs(letPass bool) string {
	if letPass {
		return "let pass as VLLMSPEC_UNKNOWN=warn asks"
	}
	return "as the scenario expected"
}

// Markdown is a summary of scenarios: a table, and below it the objectives of those
// that did not pass. Whatever a scenario is called stays text.
func Markdown(all []Told) string {
	var out strings.Builder
	passed := 0
	for _, t := range all {
		if t.Passed {
			passed++
		}
	}
	fmt.Fprintf(&out, "## Objectives: %d of %s passed\n\n", passed, counted(len(all), "scenario"))
	if len(all) == 0 {
		out.WriteString("No scenario came to be measured.\n")
		return out.String()
	}
	out.WriteString("| | scenario | in one sentence |\n|---|---|---|\n")
	for _, t := range all {
		outcome := symbol(t.Outcome) + " " + string(t.Outcome)
		if t.Passed && t.Outcome != slo.Met {
			outcome = symbol(slo.Met) + " " + string(t.Outcome) + ", " + passedAs(t.LetPass)
		}
		fmt.Fprintf(&out, "| %s | %s | %s |\n", outcome, cell(t.Scenario), cell(t.Headline))
	}
	for _, t := range all {
		if t.Passed || len(t.Objectives) == 0 {
			continue
		}
		fmt.Fprintf(&out, "\n### %s\n\n%s\n\n| | objective | value | limit | n |\n|---|---|---|---|---|\n", cell(t.Scenario), cell(t.Where))
		for _, o := range t.Objectives {
			fmt.Fprintf(&out, "| %s %s | %s | %s | %s | %s |\n", symbol(o.Outcome), o.Outcome, cell(o.Name), cell(strings.TrimSpace(o.Value+" "+o.Interval)), cell(o.Limit), cell(o.N))
		}
		said := map[string]bool{}
		for _, o := range t.Objectives {
			_, cause, _ := strings.Cut(o.Cause, " because ")
			if o.Cause != "" && !said[cmp.Or(cause, o.Cause)] {
				said[cmp.Or(cause, o.Cause)] = true
				fmt.Fprintf(&out, "\n%s.\n", cell(upper(humane(o.Cause))))
			}
		}
	}
	return out.String()
}

func counted(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return grouped(n) + " " + of + "s"
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

// cell is text in a table of Markdown: no markup, no HTML, no end of the cell.
func cell(text string) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(strings.Join(strings.Fields(text), " "))
	return markup.ReplaceAllString(text, `\$0`)
}

// Annotation is a line by which GitHub Actions marks the scenario's line; "" for one
// that passed.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
func (t Told) Annotation() string {
	if t.Passed {
		return ""
	}
	kind := "error"
	if t.Outcome == slo.Unknown {
		kind = "warning"
	}
	file, line, _ := strings.Cut(t.Where, ":")
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	return fmt.Sprintf("::%s file=%s,line=%s,title=%s::%s", kind, property.Replace(file), property.Replace(line), property.Replace(t.Scenario), data.Replace(t.Headline))
}

// Badge is a small picture that says how many scenarios passed.
func Badge(all []Told) string {
	passed, unknown := 0, false
	for _, t := range all {
		if t.Passed {
			passed++
		} else if t.Outcome == slo.Unknown {
			unknown = true
		}
	}
	says, colour := fmt.Sprintf("%d of %d pass", passed, len(all)), "#c2342b"
	switch {
	case len(all) == 0:
		says, colour = "not measured", "#59616b"
	case passed == len(all):
		colour = "#0a7d4b"
	case unknown && passed+1 >= len(all):
		colour = "#9a6700"
	}
	wide := 12 + 7*len(says)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="20" role="img" aria-label="SLOs: %s"><title>SLOs: %s</title>`+
		`<clipPath id="r"><rect width="%d" height="20" rx="3"/></clipPath><g clip-path="url(#r)"><rect width="42" height="20" fill="#3b4148"/><rect x="42" width="%d" height="20" fill="%s"/></g>`+
		`<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11"><text x="21" y="14">SLOs</text><text x="%g" y="14">%s</text></g></svg>`+"\n",
		42+wide, says, says, 42+wide, wide, colour, 42+float64(wide)/2, says)
}

var (
	markup   = regexp.MustCompile("[\\\\|`*_\\[\\]]")
	testcase = regexp.MustCompile(`(?s)<testcase name="([^"]*)"[^>]*>`)
	failure  = regexp.MustCompile(`(?s)(<failure message="[^"]*"[^>]*>)(</failure>)`)
)

// InJUnit writes the objectives of a feature's scenarios into their test cases, as
// properties, and into failures the reason as their text. Where several scenarios have
// one name, as the rows of an outline do, their cases are called "NAME #1" and so on.
func InJUnit(cases string, all []Told) string {
	var out strings.Builder
	next := 0
	for _, at := range append(testcase.FindAllStringIndex(cases, -1), []int{len(cases), len(cases)}) {
		out.WriteString(cases[next:at[0]])
		if at[0] == len(cases) {
			break
		}
		end := len(cases)
		if closing := strings.Index(cases[at[0]:], "</testcase>"); closing >= 0 {
			end = at[0] + closing
		}
		tag, body := cases[at[0]:at[1]], cases[at[1]:end]
		name := html.UnescapeString(testcase.FindStringSubmatch(tag)[1])
		out.WriteString(tag)
		for _, t := range all {
			if name == fmt.Sprintf("%s #%d", t.Scenario, t.Nth) || name == t.Scenario && t.Nth == 1 {
				out.WriteString(properties(t))
				if t.Failure != "" {
					body = failure.ReplaceAllString(body, "${1}"+strings.ReplaceAll(escaped(t.Failure), "$", "$$")+"${2}")
				}
				break
			}
		}
		out.WriteString(body)
		next = end
	}
	return out.String()
}

func properties(t Told) string {
	var out strings.Builder
	out.WriteString("<properties>")
	add := func(name, value string) {
		fmt.Fprintf(&out, `<property name="%s" value="%s"></property>`, escaped(name), escaped(value))
	}
	add("outcome", string(t.Outcome))
	add("headline", t.Headline)
	if t.Report != "" {
		add("report", t.Report)
	}
	for _, o := range t.Objectives {
		add(o.Name, fmt.Sprintf("%s: %s, %s, n = %s", o.Outcome, strings.TrimSpace(o.Value+" "+o.Interval), o.Limit, o.N))
	}
	out.WriteString("</properties>")
	return out.String()
}

func escaped(text string) string {
	var out strings.Builder
	xml.EscapeText(&out, []byte(text))
	return out.String()
}
