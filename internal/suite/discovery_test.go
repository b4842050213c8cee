package suite_test

import (
	"bytes"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
)

// numbered is a feature with a scenario, a rule with one, and an outline of two rows, each of a request.
const several = `Feature: Several
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 16 tokens are answered in 8 tokens
    And requests arrive evenly at 5 per second
    When the load runs for 1 requests
    Then these objectives are met:
      | requests | exactly 1 |

  Rule: R
    @tagged
    Scenario: Two
      Given the model "llama-3.1-8b" is being served
      And prompts of 16 tokens are answered in 8 tokens
      And requests arrive evenly at 5 per second
      When the load runs for 1 requests
      Then these objectives are met:
        | requests | exactly 1 |

    Scenario Outline: Many
      Given the model "llama-3.1-8b" is being served
      And prompts of 16 tokens are answered in 8 tokens
      And requests arrive evenly at 5 per second
      When the load runs for <n> requests
      Then these objectives are met:
        | requests | exactly <n> |
      Examples:
        | n |
        | 1 |
        | 2 |
`

// put writes files below a folder, each with its text.
func put(t *testing.T, root, text string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

// found are the features that are found in a module with these variables.
func found(t *testing.T, root string, variables ...string) (names []string, err error) {
	t.Helper()
	env, err := environment.Read(root, append(variables, "VLLMSPEC_OUT="+t.TempDir()))
	if err != nil {
		return nil, err
	}
	features, err := suite.New(env, time.Time{}, new(suite.Interrupt), new(bytes.Buffer)).Features()
	for _, f := range features {
		names = append(names, f.Name())
	}
	return names, err
}

func TestDiscovery_mountedConfigMapOnce(t *testing.T) {
	root := t.TempDir()
	put(t, root, several, "features/..2026_11_23/a.feature", "features/..2026_11_23/b.feature")
	for link, to := range map[string]string{"..data": "..2026_11_23", "a.feature": "..data/a.feature", "b.feature": "..data/b.feature"} {
		require.NoError(t, os.Symlink(to, filepath.Join(root, "features", link)))
	}
	want := []string{"features/a.feature", "features/b.feature"}
	for _, variables := range [][]string{nil, {"VLLMSPEC_FEATURES=features/"}, {"VLLMSPEC_FEATURES=features,features/a.feature"}} {
		names, err := found(t, root, variables...)
		require.NoError(t, err)
		assert.Equal(t, want, names)
	}
}

func TestDiscovery_linksOnce(t *testing.T) {
	root := t.TempDir()
	put(t, root, several, "data/x.feature", "elsewhere/sub/y.feature", "features/z.feature")
	for link, to := range map[string]string{"features/x.feature": "../data/x.feature", "features/more": "../elsewhere", "features/same": "more", "features/round": ".", "slo": "features"} {
		require.NoError(t, os.Symlink(to, filepath.Join(root, link)))
	}
	names, err := found(t, root)
	require.NoError(t, err)
	assert.Equal(t, []string{"features/more/sub/y.feature", "features/x.feature", "features/z.feature"}, names)
	names, err = found(t, root, "VLLMSPEC_FEATURES=slo")
	require.NoError(t, err)
	assert.Len(t, names, 3, "a folder that is a link itself")

	require.NoError(t, os.Symlink("../gone.feature", filepath.Join(root, "features", "gone.feature")))
	_, err = found(t, root)
	assert.ErrorContains(t, err, "gone.feature is a link to ../gone.feature, which is not there")
}

func TestDiscovery_featuresAreNamedInManyWays(t *testing.T) {
	root := t.TempDir()
	put(t, root, several, "a, b/x.feature", "c:d/y.FEATURE", "e/f/z.feature", "e/f/g/12.feature", "e/notes.txt", "e/x.feature:2/in.feature", "line,2.feature")
	for list, want := range map[string][]string{
		"a, b":                               {"a, b/x.feature"},
		"c:d":                                {"c:d/y.FEATURE"},
		"c:d/y.FEATURE":                      {"c:d/y.FEATURE"},
		"a, b,c:d , e/f/z.feature":           {"a, b/x.feature", "c:d/y.FEATURE", "e/f/z.feature"},
		"a, b:c:d:e/f":                       {"a, b/x.feature", "c:d/y.FEATURE", "e/f/g/12.feature", "e/f/z.feature"},
		"e/f/*.feature":                      {"e/f/z.feature"},
		"e/**/*.feature":                     {"e/f/g/12.feature", "e/f/z.feature", "e/x.feature:2/in.feature"},
		"e/f/z.feature:2":                    {"e/f/z.feature"},
		"e/f/z.feature:2:11,c:d":             {"c:d/y.FEATURE", "e/f/z.feature"},
		"e/x.feature:2":                      {"e/x.feature:2/in.feature"},
		"line,2.feature":                     {"line,2.feature"},
		"e/f/g/12.feature:2":                 {"e/f/g/12.feature"},
		filepath.Join(root, "a, b") + ",c:d": {"a, b/x.feature", "c:d/y.FEATURE"},
	} {
		names, err := found(t, root, "VLLMSPEC_FEATURES="+list)
		require.NoError(t, err, list)
		assert.Equal(t, want, names, list)
	}
	for list, says := range map[string]string{
		"a, c":             "there is no file or folder " + filepath.Join(root, "a"),
		"e/*.future":       "no .feature file matches " + filepath.Join(root, "e/*.future"),
		"e/notes.txt":      "there is no .feature file in ",
		"e/notes.txt:2":    "there is no file or folder ",
		",":                "VLLMSPEC_FEATURES names no file or folder",
		"e/f/z.feature:9":  "",
		"e/f/z.feature:30": "",
		"e/f/z.feature:31": "e/f/z.feature:31: no scenario stands there",
		"e/f/z.feature:0":  "e/f/z.feature:0: no scenario stands there; they begin at line 2, line 12, line 20",
	} {
		_, err := found(t, root, "VLLMSPEC_FEATURES="+list)
		if says == "" {
			assert.NoError(t, err, list)
			continue
		}
		assert.ErrorContains(t, err, says, list)
	}
}

// A readCase is a case of junit.xml.
type readCase struct {
	Name string `xml:"name,attr"`
	File string `xml:"file,attr"`
	Time string `xml:"time,attr"`
	Line int    `xml:"line,attr"`
}

// casesIn are the cases of junit.xml in a folder.
func casesIn(t *testing.T, folder string) []readCase {
	t.Helper()
	var junit struct {
		Cases []readCase `xml:"testsuite>testcase"`
	}
	require.NoError(t, xml.Unmarshal([]byte(leftFile(t, folder, "junit.xml")), &junit))
	return junit.Cases
}

func TestDiscovery_lineNamesAScenario(t *testing.T) {
	for line, want := range map[string][]string{
		":2": {"One"}, ":7": {"One"}, ":11": {"Two"}, ":12": {"Two"}, ":30": {"Many #2"}, ":29:2": {"One", "Many #1"}, ":28": {"Many #1", "Many #2"}, ":10": {"Two", "Many #1", "Many #2"}, ":1": {"One", "Two", "Many #1", "Many #2"},
	} {
		r := feature(t, several, "VLLMSPEC_FEATURES=features/x.feature"+line)
		assert.True(t, r.passed, r.output)
		var names []string
		for _, c := range casesIn(t, r.out) {
			names = append(names, c.Name)
		}
		assert.Equal(t, want, names, line)
		assert.Len(t, r.runs, len(want), line)
	}
	_, err := try(t, several, "VLLMSPEC_FEATURES=features/x.feature:2", "GODOG_TAGS=@tagged")
	assert.Error(t, err, "a line that the tags leave out")
}

func TestJUnit_wallClockIsThatOfTheCases(t *testing.T) {
	r := feature(t, minute+"      | p50 TTFT | at most 500 ms |\n")
	require.True(t, r.passed, r.output)
	took, err := time.ParseDuration(casesIn(t, r.out)[0].Time + "s")
	require.NoError(t, err)
	assert.Less(t, took, time.Minute, "not the minute that went by in the bubble")
	assert.Positive(t, took)
	assert.Regexp(t, ` timestamp="20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d" `, leftFile(t, r.out, "junit.xml"))
	assert.NotContains(t, leftFile(t, r.out, "junit.xml"), `timestamp="2000-`)
}

func TestJUnit_filesAreThoseOfTheRepository(t *testing.T) {
	text := minute + "      | p50 TTFT | at most 1 ms |\n"
	top := t.TempDir()
	root := filepath.Join(top, "perf", "llm")
	r, err := tryIn(t, root, text, "GITHUB_ACTIONS=true", "GITHUB_WORKSPACE="+top)
	require.NoError(t, err)
	assert.Contains(t, r.output, "::error file=perf/llm/features/x.feature,line=2,", "no git: from GitHub's workspace")
	require.NoError(t, exec.Command("git", "-C", filepath.Join(top, "perf"), "init", "--quiet").Run())
	r, err = tryIn(t, root, text, "GITHUB_ACTIONS=true", "GITHUB_WORKSPACE="+top)
	require.NoError(t, err)
	assert.Contains(t, r.output, "::error file=llm/features/x.feature,line=2,", "from the top of the repository")
	assert.Equal(t, "llm/features/x.feature", casesIn(t, r.out)[1].File)
	assert.Contains(t, leftFile(t, r.out, "summary.md"), "features/x.feature:2")
}

func TestJUnit_fileThatCannotBeReadIsACase(t *testing.T) {
	root := t.TempDir()
	put(t, root, "Feture: X\n", "features/a.feature")
	put(t, root, several, "features/b.feature")
	put(t, root, strings.Replace(several, "requests arrive evenly", "requests arrive even", 1), "features/c.feature")
	env, err := environment.Read(root, nil)
	require.NoError(t, err)
	s := suite.New(env, time.Time{}, new(suite.Interrupt), new(bytes.Buffer))
	_, err = s.Features()
	require.Error(t, err)
	require.NoError(t, s.Close())
	cases := casesIn(t, env.Out)
	require.Len(t, cases, 2)
	assert.Equal(t, []string{"features/a.feature", "features/c.feature"}, []string{cases[0].File, cases[1].File})
	assert.Contains(t, leftFile(t, env.Out, "junit.xml"), `tests="2" failures="2" errors="0"`)
	assert.Contains(t, leftFile(t, env.Out, "junit.xml"), "did you mean &#34;requests arrive evenly at 5 per second&#34;?")
}

func TestJUnit_scenarioWithoutSentencesIsACase(t *testing.T) {
	r := feature(t, several+"\n  Scenario: Empty\n")
	assert.False(t, r.passed)
	cases := casesIn(t, r.out)
	assert.Equal(t, "Empty", cases[len(cases)-1].Name)
	assert.Contains(t, leftFile(t, r.out, "junit.xml"), "The scenario has no sentences, and so shows nothing.")
}
