package steps

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// results are what godog wrote of each feature. It writes one file per run of
// its suite, and a feature is one; CI systems read one file of all.
type results struct {
	suites   []junitSuite
	features []json.RawMessage
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Attrs    []xml.Attr `xml:",any,attr"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Inner    string     `xml:",innerxml"`
}

// resultFiles are the two files that godog writes of one feature.
type resultFiles struct{ folder string }

func newResultFiles() (resultFiles, error) {
	folder, err := os.MkdirTemp("", "vllmspec-results-")
	return resultFiles{folder}, err
}

func (f resultFiles) junit() string    { return filepath.Join(f.folder, "junit.xml") }
func (f resultFiles) cucumber() string { return filepath.Join(f.folder, "cucumber.json") }

func (f resultFiles) formats() string {
	return fmt.Sprintf("pretty,junit:%s,cucumber:%s", f.junit(), f.cucumber())
}

// add reads the files of one feature and removes them. What came of its objectives is
// added to its cases, and to failures why.
func (r *results) add(files resultFiles, told []reports.Told) error {
	defer os.RemoveAll(files.folder)
	var suites junitSuites
	raw, err := os.ReadFile(files.junit())
	if err == nil {
		err = xml.Unmarshal(raw, &suites)
	}
	if err != nil {
		return fmt.Errorf("junit.xml: %w", err)
	}
	for _, suite := range suites.Suites {
		counted, err := suite.counted()
		if err != nil {
			return fmt.Errorf("junit.xml: %w", err)
		}
		counted.Inner = brief(reports.InJUnit(counted.Inner, told))
		r.suites = append(r.suites, counted)
	}
	var features []json.RawMessage
	if raw, err = os.ReadFile(files.cucumber()); err == nil {
		err = json.Unmarshal(raw, &features)
	}
	if err != nil {
		return fmt.Errorf("cucumber.json: %w", err)
	}
	r.features = append(r.features, features...)
	return nil
}

// counted is a suite with numbers that agree with its cases: godog calls a scenario
// passed that failed, where it is the only one of its feature.
func (s junitSuite) counted() (junitSuite, error) {
	var cases struct {
		Cases []struct {
			Failure *struct{} `xml:"failure"`
			Errors  []struct {
				Type string `xml:"type,attr"`
			} `xml:"error"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal([]byte("<cases>"+s.Inner+"</cases>"), &cases); err != nil {
		return s, err
	}
	s.Tests, s.Failures, s.Errors, s.Skipped = len(cases.Cases), 0, 0, 0
	for _, c := range cases.Cases {
		if c.Failure != nil {
			s.Failures++
			continue
		}
		for _, e := range c.Errors {
			if e.Type != "skipped" {
				s.Errors++
				break
			}
		}
	}
	s.Inner = failedCases.ReplaceAllString(s.Inner, `${1}failed${2}`)
	return s, nil
}

// failedCases are those with a failure in them that are called passed.
var failedCases = regexp.MustCompile(`(<testcase [^>]*status=")passed("[^>]*>\s*<failure)`)

// brief leaves the first line of each failure's message: all of it is its text.
func brief(cases string) string {
	return failureMessage.ReplaceAllStringFunc(cases, func(found string) string {
		parts := failureMessage.FindStringSubmatch(found)
		first, _, _ := strings.Cut(parts[2], "&#xA;")
		return parts[1] + strings.Replace(first, ":: ", ": ", 1) + parts[3] // a sentence may end in a colon of its own
	})
}

// failureMessage is that of a failure with a text, as encoding/xml writes it.
var failureMessage = regexp.MustCompile(`(<failure message=")([^"]*)("[^>]*>[^<])`)

// write leaves junit.xml and cucumber.json of everything that ran.
func (r *results) write(folder string) error {
	all := junitSuites{Name: "vllmspec", Suites: r.suites}
	for _, s := range r.suites {
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	junit, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if r.features == nil {
		r.features = []json.RawMessage{}
	}
	cucumber, err := json.MarshalIndent(r.features, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(
		os.MkdirAll(folder, 0o755),
		os.WriteFile(filepath.Join(folder, "junit.xml"), append([]byte(xml.Header), junit...), 0o644),
		os.WriteFile(filepath.Join(folder, "cucumber.json"), cucumber, 0o644),
	)
}

// writeIndex lists the runs of a folder. One that cannot be read is left out: a
// broken run of last year must not fail the one of today.
func writeIndex(folder string) error {
	names, err := store.Names(folder)
	if err != nil {
		return err
	}
	var entries []reports.Entry
	for _, name := range names {
		manifest, raw, err := store.ReadManifest(filepath.Join(folder, name))
		var verdicts []slo.Verdict
		if t := manifest.Trial; err == nil && t != nil && slices.Contains(names, t.Of) {
			continue // its whole is in the list
		}
		if err == nil && json.Unmarshal(raw, &verdicts) == nil {
			entries = append(entries, reports.NewEntry(manifest, verdicts))
		}
	}
	var page bytes.Buffer
	return errors.Join(reports.Index(&page, entries), os.WriteFile(filepath.Join(folder, "index.html"), page.Bytes(), 0o644))
}
