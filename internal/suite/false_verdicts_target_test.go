package suite_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// few is a load that is over at once, on whatever server the environment names.
const few = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 8 tokens
    And requests arrive evenly at 100 per second
    When the load runs for 10 requests
    Then these objectives are met:
      | error rate | none |
`

// faces are the files in which others read what came of a go test.
func faces(t *testing.T, r ran) map[string]string {
	t.Helper()
	all := map[string]string{"console": r.output}
	for _, name := range []string{"junit.xml", "summary.md", "badge.svg", "index.html"} {
		all[name] = leftFile(t, r.out, name)
	}
	if len(r.runs) > 0 {
		for _, name := range []string{"report.html", "run.json"} {
			all[name] = leftFile(t, r.runs[0], name)
		}
	}
	return all
}

func TestTarget_everyOutputNamesTheMock(t *testing.T) {
	for variable, kind := range map[string]string{"": "the mock, in virtual time", "VLLMSPEC_TARGET=mock": "the mock, over TCP"} {
		r := feature(t, few, variable, "CI=1")
		require.True(t, r.passed, r.output)
		for name, text := range faces(t, r) {
			assert.Contains(t, text, kind, name)
			assert.Contains(t, text, "simulated", name)
		}
		assert.True(t, strings.HasPrefix(r.output, "target: "+kind+" (simulated; set VLLM_URL to measure a server)\n"), r.output)
		assert.Contains(t, r.output, "    Met, simulated: the one objective, 10 requests.\n")
		assert.Contains(t, leftFile(t, r.out, "badge.svg"), ">1 of 1 pass (simulated)<")
		assert.Contains(t, leftFile(t, r.out, "junit.xml"), `<property name="simulated" value="true">`)
		assert.Contains(t, leftFile(t, r.runs[0], "run.json"), `"simulated": true`)
	}
}

func TestTarget_everyOutputNamesTheServers(t *testing.T) {
	t.Parallel()
	one, two := real(t), real(t)
	secret := "planted-5ecret"
	r := feature(t, few, "VLLM_URL="+strings.Replace(one, "http://", "http://user:"+secret+"@", 1)+","+two, "CI=1", "VLLMSPEC_UNKNOWN=warn")
	require.True(t, r.passed, r.output)
	line := fmt.Sprintf("%s and %s (llama-3.1-8b, vLLM %s)", one, two, mockvllm.Version)
	assert.True(t, strings.HasPrefix(r.output, "target: "+one+" and "+two+"\n"), r.output)
	assert.Contains(t, r.output, "    target: "+line+"\n")
	for name, text := range faces(t, r) {
		assert.NotContains(t, text, secret, name)
		assert.Contains(t, text, one, name)
		assert.Contains(t, text, two, name)
		if name != "run.json" && name != "junit.xml" && name != "report.html" {
			assert.NotContains(t, text, "simulated", name)
		}
	}
	assert.Contains(t, leftFile(t, r.out, "summary.md"), line)
	assert.Contains(t, leftFile(t, r.out, "junit.xml"), `<property name="simulated" value="false">`)
	assert.Contains(t, leftFile(t, r.out, "junit.xml"), `<property name="target" value="`+line+`">`)
	assert.Contains(t, leftFile(t, r.runs[0], "report.html"), "Target: "+line)
	assert.Contains(t, leftFile(t, r.runs[0], "run.json"), `"simulated": false`)
}

func TestTarget_mockAtAURLIsSimulated(t *testing.T) {
	r := feature(t, few, "VLLM_URL="+mocked(t).String(), "CI=1", "VLLMSPEC_UNKNOWN=warn")
	require.True(t, r.passed, r.output)
	assert.Contains(t, r.output, ", simulated: ")
	assert.Contains(t, leftFile(t, r.out, "badge.svg"), "(simulated)")
	manifest, _, err := store.ReadManifest(r.runs[0])
	require.NoError(t, err)
	assert.True(t, manifest.Server.Simulated)
	assert.Equal(t, store.AtURL, manifest.Server.Origin)
	assert.Equal(t, "mock", manifest.Scenario.Labels["server"], "no baseline of a real server")

	r = feature(t, few, "VLLM_URL="+mocked(t).String(), "VLLMSPEC_TARGET=live")
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "VLLMSPEC_TARGET=live measures real servers only, and the one at http://127.0.0.1:")
	assert.Empty(t, r.runs)
}

func TestTarget_bothArmsAreNamed(t *testing.T) {
	t.Parallel()
	one, two := real(t), mocked(t).String()
	text := strings.Replace(few[:strings.Index(few, "    Then ")], "    When", "    And everything is repeated 2 times\n    When", 1) +
		"    Then compared with the other server:\n      | p50 TPOT | at most 90% worse |\n"
	r := feature(t, text, "VLLM_URL="+one, "VLLM_URL_B="+two, "CI=1", "VLLMSPEC_UNKNOWN=warn")
	line := fmt.Sprintf("%s (llama-3.1-8b, vLLM %s), compared with %s (llama-3.1-8b, simulated)", one, mockvllm.Version, two)
	assert.Contains(t, leftFile(t, r.out, "summary.md"), line)
	assert.Contains(t, leftFile(t, r.out, "badge.svg"), "(simulated)", "the verdict rests on both")
	assert.Contains(t, r.output, "    compared with: "+two+" (llama-3.1-8b, simulated)\n")
	whole := r.manifests(t)[0]
	require.NotNil(t, whole.Other)
	assert.Equal(t, one, whole.Server.URL)
	assert.Equal(t, two, whole.Other.URL)
}

func TestTarget_liveNeedsAServer(t *testing.T) {
	_, err := try(t, few, "VLLMSPEC_TARGET=live")
	require.ErrorContains(t, err, "VLLMSPEC_TARGET=live measures a real server, and none is named: set VLLM_URL to its base URL, or VLLM_COMMAND or VLLM_IMAGE")
	_, err = try(t, few, "VLLMSPEC_TARGET=Live", "VLLM_URL="+real(t))
	require.ErrorContains(t, err, `VLLMSPEC_TARGET is "Live"; it can be "mock" or "live"`)

	r := feature(t, few, "VLLMSPEC_TARGET=live", "VLLM_URL="+real(t), "CI=1", "VLLMSPEC_UNKNOWN=warn")
	assert.True(t, r.passed, r.output)

	own := strings.Replace(few, `the model "llama-3.1-8b" is being served`, `a simulated server of "llama-3.1-8b" on "one H100"`, 1)
	for _, text := range []string{"@simulated\n" + few, own, "@simulated\n" + own} {
		_, err = try(t, text, "VLLMSPEC_TARGET=live", "VLLM_URL="+real(t))
		assert.EqualError(t, err, "features/x.feature is left out: it is measured on the mock, and VLLMSPEC_TARGET=live measures real servers only")
	}
	both := own + strings.Replace(few[strings.Index(few, "  Scenario:"):], "One", "Two", 1)
	r = feature(t, both, "VLLMSPEC_TARGET=live", "VLLM_URL="+real(t), "CI=1", "VLLMSPEC_UNKNOWN=warn")
	assert.True(t, r.passed, r.output)
	assert.Len(t, r.runs, 1)
	assert.Contains(t, r.output, `features/x.feature:2: the scenario "One" is left out: it is measured on the mock`)
}

func TestTarget_emptyVariableIsNoWayToTheMock(t *testing.T) {
	for _, entry := range []string{"VLLM_URL=", "VLLM_URL= ", "VLLM_URL=\t\n", "VLLM_COMMAND=", "VLLM_IMAGE= ", "VLLM_URL_B=", "VLLMSPEC_TARGET="} {
		_, err := try(t, few, entry)
		name, _, _ := strings.Cut(entry, "=")
		assert.EqualError(t, err, name+" is set, and empty, as a secret that is missing leaves it: give it a value, or unset it", "%q", entry)
	}
}

func TestTarget_slipIsNoWayToTheMock(t *testing.T) {
	_, err := try(t, few, "VLLM_ULR=http://user:planted-5ecret@a:8000")
	require.ErrorContains(t, err, `VLLM_ULR is no variable of vllmspec; did you mean "VLLM_URL"?`)
	assert.NotContains(t, err.Error(), "planted-5ecret")
	_, err = try(t, few, "VLLMSPEC_URL=http://a:8000")
	require.ErrorContains(t, err, `did you mean "VLLM_URL"?`)
	_, err = try(t, few, "VLLM_BASE_URL=http://a:8000")
	require.ErrorContains(t, err, `VLLM_BASE_URL names a server for other programs, and nothing names one for vllmspec; did you mean "VLLM_URL"? To measure the mock, unset VLLM_BASE_URL`)
}

// listing is a server that lists models and answers as the mock does.
func listing(t *testing.T, cards string) string {
	t.Helper()
	behind := onward(mocked(t))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			io.WriteString(w, `{"object":"list","data":[`+cards+`]}`)
			return
		}
		if raw, err := io.ReadAll(r.Body); err == nil { // the mock behind knows one name
			for _, name := range []string{"meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-80B"} {
				raw = bytes.ReplaceAll(raw, []byte(`"model":"`+name+`"`), []byte(`"model":"llama-3.1-8b"`))
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
		}
		behind.ServeHTTP(silent{w}, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestTarget_anotherModelIsAnErrorBeforeTheLoad(t *testing.T) {
	card := func(id, more string) string { return `{"id":"` + id + `","object":"model"` + more + `}` }
	instruct := card("meta-llama/Llama-3.1-8B-Instruct", `,"root":"meta-llama/Llama-3.1-8B-Instruct","parent":null`)
	for name, c := range map[string]struct {
		cards, model string
		measured     string // "": refused
		says         string
	}{
		"the same":             {instruct, "", "meta-llama/Llama-3.1-8B-Instruct", ""},
		"the second":           {card("qwen3-8b", "") + "," + instruct, "", "meta-llama/Llama-3.1-8B-Instruct", ""},
		"an adapter beside it": {card("llama-3.1-8b-instruct", `,"parent":"meta-llama/Llama-3.1-8B-Instruct"`) + "," + instruct, "", "meta-llama/Llama-3.1-8B-Instruct", ""},
		"under another name":   {card("prod", `,"root":"/models/Llama-3.1-8B-Instruct"`), "", "", `serves "prod": set VLLM_MODEL=prod to measure it all the same`},
		"two names of it":      {card("meta-llama/Llama-3.1-8B-Instruct", `,"root":"/models/llama"`) + "," + card("llama-3.1-8b-instruct", `,"root":"/models/llama"`), "", "meta-llama/Llama-3.1-8B-Instruct", ""},
		"another size": {card("meta-llama/Llama-3.1-80B", ""), "", "",
			`the feature names the model "llama-3.1-8b", and the server at http://127.0.0.1:`},
		"another size, wanted": {card("meta-llama/Llama-3.1-80B", ""), "meta-llama/Llama-3.1-80B", "meta-llama/Llama-3.1-80B", ""},
		"what to do":           {card("meta-llama/Llama-3.1-80B", ""), "", "", `serves "meta-llama/Llama-3.1-80B": set VLLM_MODEL=meta-llama/Llama-3.1-80B to measure it all the same, or write its name in the feature`},
		"none of two":          {card("qwen3-8b", "") + "," + card("qwen3-8b-vl", ""), "", "", `serves "qwen3-8b", "qwen3-8b-vl": set VLLM_MODEL to the one to measure`},
		"two that fit": {instruct + "," + card("unsloth/Llama-3.1-8B", `,"root":"unsloth/Llama-3.1-8B"`), "", "",
			`serves 2 models that "llama-3.1-8b" may mean, "meta-llama/Llama-3.1-8B-Instruct", "unsloth/Llama-3.1-8B": set VLLM_MODEL to the one to measure`},
		"a wish that is not there": {instruct, "meta-llama/Llama-3.1-8B-Instuct", "", `does not serve the model "meta-llama/Llama-3.1-8B-Instuct"; did you mean "meta-llama/Llama-3.1-8B-Instruct"?`},
		"nothing":                  {"", "", "", "serves no model"},
	} {
		t.Run(name, func(t *testing.T) {
			variables := []string{"VLLM_URL=" + listing(t, c.cards), "CI=1", "VLLMSPEC_UNKNOWN=warn"}
			if c.model != "" {
				variables = append(variables, "VLLM_MODEL="+c.model)
			}
			r := feature(t, few, variables...)
			if c.measured == "" {
				assert.False(t, r.passed)
				assert.Contains(t, r.output, c.says)
				assert.Empty(t, r.runs, "refused before the load")
				return
			}
			require.True(t, r.passed, r.output)
			manifest, _, err := store.ReadManifest(r.runs[0])
			require.NoError(t, err)
			assert.Equal(t, c.measured, manifest.Server.Model)
			assert.NotContains(t, strings.Join(harness.WarningTexts(manifest.Warnings), "\n"), "the feature names")
		})
	}
}

func TestTarget_unknownModelOfTheMockIsFoundFirst(t *testing.T) {
	second := few + strings.NewReplacer("One", "Two", "llama-3.1-8b", "llama-3.1-80b").Replace(few[strings.Index(few, "  Scenario:"):])
	_, err := try(t, second)
	require.EqualError(t, err, `features/x.feature:10: no simulated model "llama-3.1-80b"; did you mean "llama-3.1-8b"?; set VLLM_URL to measure a server that serves it`)
	own := strings.Replace(few, `the model "llama-3.1-8b" is being served`, `a simulated server of "llama-3.1-8b" on "one H1000"`, 1)
	for _, variable := range []string{"", "VLLM_URL=" + real(t)} {
		_, err = try(t, own, variable)
		assert.EqualError(t, err, `features/x.feature:3: no profile of llama-3.1-8b on "one H1000"; did you mean "one H100"?`)
	}
	// No profile is needed where it is left out, or a real server is asked for it.
	large := strings.Replace(few, "llama-3.1-8b", "qwen3-235b-a22b", 1)
	_, err = try(t, "@live\n"+large)
	assert.ErrorContains(t, err, "it needs a real server")
	r := feature(t, large, "VLLM_URL="+real(t))
	assert.Contains(t, r.output, `the feature names the model "qwen3-235b-a22b", and the server at http://`)
	background := strings.Replace(tags, "llama-3.1-8b", "qwen3-235b-a22b", 1)
	_, err = try(t, background)
	assert.EqualError(t, err, `features/x.feature:3: no simulated model "qwen3-235b-a22b"; known: llama-3.1-8b, llama-3.1-70b-fp8, qwen3-32b; set VLLM_URL to measure a server that serves it`, "once, though the first scenario is left out")
	_, err = try(t, "@simulated\n"+large, "VLLM_URL="+real(t))
	assert.ErrorContains(t, err, `no simulated model "qwen3-235b-a22b"`)
}

const tags = `Feature: Tags
  Background:
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 8 tokens
    And requests arrive evenly at 100 per second

  @live
  Scenario: Real
    When the load runs for 10 requests
    Then these objectives are met:
      | error rate | none |

  # Said of the next one.
  @gpu @slow
  Scenario: With a GPU
    When the load runs for 10 requests
    Then these objectives are met:
      | error rate | none |

  Scenario: Anywhere
    When the load runs for 10 requests
    Then these objectives are met:
      | error rate | none |

  Scenario Outline: Rows
    When the load runs for <n> requests
    Then these objectives are met:
      | error rate | none |

    @live
    Examples: real
      | n  |
      | 10 |
      | 11 |

    Examples: anywhere
      | n  |
      | 12 |

  @live
  Rule: What only a real server shows
    Scenario: In a rule
      When the load runs for 10 requests
      Then these objectives are met:
        | error rate | none |

  Rule: What the mock shows
    @simulated
    Scenario: On the mock
      When the load runs for 10 requests
      Then these objectives are met:
        | error rate | none |
`

// runAll runs all features of a text, those on either clock.
func runAll(t *testing.T, text string, variables ...string) (r ran, names []string) {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "features"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "features", "x.feature"), []byte(text), 0o644))
	env, err := environment.Read(root, variables)
	require.NoError(t, err)
	var output bytes.Buffer
	s := suite.New(env, time.Time{}, new(suite.Interrupt), &output)
	features, err := s.Features()
	require.NoError(t, err)
	r.passed = true
	for _, f := range features {
		names = append(names, f.Name())
		run := func(t *testing.T) {
			passed, err := s.Run(f)
			require.NoError(t, err)
			r.passed = r.passed && passed
		}
		if f.Virtual {
			synctest.Test(t, run)
		} else {
			run(t)
		}
	}
	require.NoError(t, s.Close())
	r.output, r.out = output.String(), env.Out
	stored, err := store.Names(r.out)
	require.NoError(t, err)
	for _, name := range stored {
		r.runs = append(r.runs, filepath.Join(r.out, name))
	}
	return r, names
}

// measured are the scenarios that were run, and whether each was simulated.
func (r ran) measured(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, m := range r.manifests(t) {
		all[m.Scenario.Name+" "+m.Scenario.Where] = m.Server.Simulated
	}
	return all
}

func TestTags_ofScenariosCount(t *testing.T) {
	r, names := runAll(t, tags)
	assert.True(t, r.passed, r.output)
	assert.Equal(t, []string{"features/x.feature"}, names)
	assert.Equal(t, map[string]bool{"Anywhere features/x.feature:20": true, "Rows features/x.feature:25": true, "On the mock features/x.feature:49": true}, r.measured(t))
	for _, line := range []string{
		`features/x.feature:8: the scenario "Real" is left out: it needs a real server: set VLLM_URL, VLLM_COMMAND or VLLM_IMAGE`,
		`features/x.feature:15: the scenario "With a GPU" is left out: it needs a real server`,
		`features/x.feature:33: the scenario "Rows" is left out: it needs a real server`,
		`features/x.feature:34: the scenario "Rows" is left out: it needs a real server`,
		`features/x.feature:42: the scenario "In a rule" is left out: it needs a real server`,
	} {
		assert.Contains(t, r.output, line)
	}
	assert.Contains(t, leftFile(t, r.out, "summary.md"), "\n5 scenarios are left out:\n")
	var junit struct {
		Tests   int `xml:"tests,attr"`
		Skipped int `xml:"skipped,attr"`
		Suites  []struct {
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal([]byte(leftFile(t, r.out, "junit.xml")), &junit))
	assert.Equal(t, 8, junit.Tests)
	assert.Equal(t, 5, junit.Skipped)
	skipped := map[string]bool{}
	for _, suite := range junit.Suites {
		for _, c := range suite.Cases {
			if c.Skipped != nil {
				skipped[c.Name] = true
			}
		}
	}
	assert.Len(t, skipped, 5, "each with a name of its own")
	assert.Contains(t, skipped, "Real")
}

func TestClocks_bothInOneFile(t *testing.T) {
	t.Parallel()
	r, names := runAll(t, tags, "VLLM_URL="+real(t), "CI=1", "VLLMSPEC_UNKNOWN=warn", "GODOG_TAGS=~@gpu")
	assert.True(t, r.passed, r.output)
	assert.Equal(t, []string{"features/x.feature", "features/x.feature@simulated"}, names)
	assert.Equal(t, map[string]bool{"Real features/x.feature:8": false, "Anywhere features/x.feature:20": false, "Rows features/x.feature:25": false,
		"In a rule features/x.feature:42": false, "On the mock features/x.feature:49": true}, r.measured(t))
	assert.NotContains(t, r.output, "left out")
	assert.Contains(t, leftFile(t, r.out, "badge.svg"), ">7 of 7 pass (1 simulated)<")
	assert.Contains(t, r.output, "target of what is tagged @simulated: the mock, in virtual time (simulated)\n")
}

func TestTags_thatExcludeEachOther(t *testing.T) {
	own := strings.Replace(few, `the model "llama-3.1-8b" is being served`, `a simulated server of "llama-3.1-8b" on "one H100"`, 1)
	for _, text := range []string{"@live @simulated\n" + few, "@live\n" + strings.Replace(few, "  Scenario", "  @simulated\n  Scenario", 1), "@gpu\n" + own} {
		_, err := try(t, text)
		assert.ErrorContains(t, err, "the scenario is to run on a real server, as its tag @live or @gpu says, and on a simulated one; keep one of the two")
	}
}

func TestOutput_nothingIsLeftOfAnEarlierTest(t *testing.T) {
	root := t.TempDir()
	r, err := tryIn(t, root, few)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(r.out, "badge.svg"))
	env, err := environment.Read(root, nil)
	require.NoError(t, err)
	var output bytes.Buffer
	s := suite.New(env, time.Time{}, new(suite.Interrupt), &output)
	for _, name := range []string{"junit.xml", "cucumber.json", "summary.md", "badge.svg"} {
		assert.NoFileExists(t, filepath.Join(env.Out, name), "a test that is killed now leaves none")
	}
	assert.FileExists(t, filepath.Join(env.Out, "index.html"), "it lists all runs")

	_, err = s.Features()
	require.NoError(t, err)
	err = s.Close()
	assert.ErrorContains(t, err, "no feature was run: -run or -skip leaves none of 1")
	assert.Contains(t, leftFile(t, env.Out, "junit.xml"), `errors="1"`)
	assert.Contains(t, leftFile(t, env.Out, "summary.md"), "no feature was run")
	assert.Contains(t, leftFile(t, env.Out, "badge.svg"), "not measured")
}

func TestJUnit_saysWhyNothingWasRun(t *testing.T) {
	env, mistakes := environment.Read(t.TempDir(), []string{"VLLM_ULR=http://a", "VLLM_URL=", "GITHUB_ACTIONS=true"})
	require.Error(t, mistakes)
	var output bytes.Buffer
	s := suite.New(env, time.Time{}, new(suite.Interrupt), &output)
	require.Error(t, s.Refuse(mistakes))
	require.NoError(t, s.Close())
	for name, says := range map[string]string{"junit.xml": "did you mean &#34;VLLM_URL&#34;?", "summary.md": `did you mean "VLLM\_URL"?`} {
		assert.Contains(t, leftFile(t, env.Out, name), says)
	}
	assert.Contains(t, leftFile(t, env.Out, "badge.svg"), "not measured")
	assert.Contains(t, output.String(), "::error title=Nothing was run::VLLM_ULR is no variable")
}
