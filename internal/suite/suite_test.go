package suite_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
)

// A ran is what came of running one feature.
type ran struct {
	passed bool
	output string
	out    string
	runs   []string // folders
}

// feature runs one feature file made of the given text, as `go test` would with
// these variables: on the mock in virtual time unless they say otherwise. Where it is refused before anything runs, its output says why.
func feature(t *testing.T, text string, variables ...string) ran {
	t.Helper()
	r, err := try(t, text, variables...)
	if err != nil && len(r.runs) == 0 && r.output == "" {
		return ran{output: err.Error()}
	}
	require.NoError(t, err)
	return r
}

func try(t *testing.T, text string, variables ...string) (r ran, err error) {
	t.Helper()
	return tryIn(t, t.TempDir(), text, variables...)
}

// tryIn is try in a folder that may hold what was there before.
func tryIn(t *testing.T, root, text string, variables ...string) (r ran, err error) {
	t.Helper()
	return tryWith(t, root, text, func(*environment.Environment) {}, variables...)
}

// tryWith is tryIn with something of the environment that no variable says.
func tryWith(t *testing.T, root, text string, change func(*environment.Environment), variables ...string) (r ran, err error) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "features"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "features", "x.feature"), []byte(text), 0o644))
	env, err := environment.Read(root, variables)
	if err != nil {
		return r, err
	}
	change(&env)
	var output bytes.Buffer
	s := suite.New(env, time.Time{}, new(suite.Interrupt), &output)
	features, err := s.Features()
	if err != nil {
		return r, err
	}
	run := func(t *testing.T) { r.passed, err = s.Run(features[0]) }
	if features[0].Virtual {
		synctest.Test(t, run)
	} else {
		run(t)
	}
	if err == nil {
		err = s.Close()
	}
	r.output, r.out = output.String(), env.Out
	names, _ := store.Names(r.out)
	for _, name := range names {
		r.runs = append(r.runs, filepath.Join(r.out, name))
	}
	for _, dir := range r.runs {
		isJudgedAgain(t, dir)
	}
	return r, err
}

// isJudgedAgain holds the verdicts of a stored run, and of several runs all that their
// trials.json says, against what judging the files again gives.
func isJudgedAgain(t *testing.T, dir string) *judge.Rejudged {
	t.Helper()
	again, err := judge.Again(dir)
	if !assert.NoError(t, err) {
		return nil
	}
	assert.NoError(t, again.Check())
	if again.Group != nil {
		of, err := store.JSON(again.Group)
		require.NoError(t, err)
		stored, err := os.ReadFile(filepath.Join(dir, "trials.json"))
		require.NoError(t, err)
		assert.Equal(t, string(stored), string(of), dir)
	}
	return again
}

const minute = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 256 tokens are answered in 32 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 1 minute
    Then these objectives are met:
`

func TestSuite_namesEveryMissedRow(t *testing.T) {
	r := feature(t, minute+`
      | p99 TTFT           | at most 1 ms         |
      | p50 TTFT           | at most 500 ms       |
      | request throughput | at least 99 per second |
      | mean GPU power     | at most 300 W        |
`)
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "3 of 4 objectives are not met: 2 missed, 1 unknown\n")
	assert.Regexp(t, `<failure message="Missed, simulated: [^"]* Step these objectives are met: 3 of 4 objectives are not met: 2 missed, 1 unknown"[^>]*>3 of 4 [^<]*p99 TTFT was`, leftFile(t, r.out, "junit.xml"))
	assert.Regexp(t, `missed: p99 TTFT was [\d.]+ ms \[[\d.]+, (\?|[\d.]+)\], n = 4\d\d, against at most 1 ms.* \(features/x\.feature:9\)`, r.output)
	assert.Regexp(t, `missed: request throughput was [\d.]+ per second, n = 4\d\d, against at least 99 per second, because the load asked for no more: .*\(features/x\.feature:11\)`, r.output)
	assert.Regexp(t, `unknown: mean GPU power is not known, against at most 300 W; no GPU could be read.*\(features/x\.feature:12\)`, r.output)
	assert.NotContains(t, r.output, "p50 TTFT was")
}

func TestReadme_exampleRuns(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(readme), "```gherkin\n")
	require.True(t, found)
	example, _, _ := strings.Cut(after, "```")
	r := feature(t, example)
	assert.True(t, r.passed, r.output)
}

func TestSuite_leavesWhatTheContractSays(t *testing.T) {
	r := feature(t, minute+"      | p50 TTFT | at most 500 ms |\n")
	require.True(t, r.passed, r.output)
	require.Len(t, r.runs, 1)
	assert.Regexp(t, regexp.MustCompile(`run=\d{8}T\d{6}Z-one$`), r.runs[0])
	for _, name := range []string{"requests.parquet", "samples.parquet", "run.json", "verdicts.json", "bench.txt", "report.html"} {
		info, err := os.Stat(filepath.Join(r.runs[0], name))
		require.NoError(t, err)
		assert.Positive(t, info.Size())
	}
	for _, name := range []string{"index.html", "junit.xml", "cucumber.json"} {
		assert.FileExists(t, filepath.Join(r.out, name))
	}
	manifest, raw, err := store.ReadManifest(r.runs[0])
	require.NoError(t, err)
	assert.Equal(t, "features/x.feature:2", manifest.Scenario.Where)
	assert.True(t, manifest.Virtual)
	assert.Equal(t, "llama-3.1-8b", manifest.Server.Model)
	assert.WithinDuration(t, time.Now(), manifest.Start, time.Hour, "the wall clock, not the bubble's")
	var verdicts []map[string]any
	require.NoError(t, json.Unmarshal(raw, &verdicts))
	assert.Equal(t, "met", verdicts[0]["outcome"])
	assert.Equal(t, "p50 TTFT at most 500 ms", verdicts[0]["text"])
	assert.Equal(t, "features/x.feature:8", verdicts[0]["where"])
}

// TestSeed_sameOneSameRun runs two minutes, some 1,000 requests, three times.
func TestSeed_sameOneSameRun(t *testing.T) {
	requests := func(seed int) []byte {
		text := strings.Replace(minute, "    When the load runs for 1 minute", fmt.Sprintf("    And the seed is %d\n    When the load runs for 2 minutes", seed), 1)
		r := feature(t, text+"      | p50 TTFT | at most 500 ms |\n")
		require.True(t, r.passed, r.output)
		return renamed(t, r.runs[0])
	}
	one := requests(7)
	assert.True(t, bytes.Equal(one, requests(7)), "requests.parquet differs by more than the run's name")
	assert.False(t, bytes.Equal(one, requests(8)))
}

// renamed is requests.parquet of a run as it would be under another name.
func renamed(t *testing.T, dir string) []byte {
	t.Helper()
	stored, err := store.Open(dir)
	require.NoError(t, err)
	folder, err := store.Create(t.TempDir(), "run=x")
	require.NoError(t, err)
	sink := folder.Archive(stored.Manifest.Scenario.Name)
	for r := range stored.Run.Records {
		require.NoError(t, sink.Record(r))
	}
	require.NoError(t, sink.Close())
	path, err := folder.Publish()
	require.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(path, "requests.parquet"))
	require.NoError(t, err)
	return raw
}

func TestMistakes_endBeforeTheLoad(t *testing.T) {
	sound := minute + "      | p50 TTFT | at most 500 ms |\n"
	for name, c := range map[string]struct{ from, to, says string }{
		"sentence":           {"requests arrive as a Poisson process", "requests arrive as a Poison process", `features/x.feature:5: no sentence reads "requests arrive as a Poison process at 8 per second"; did you mean "requests arrive as a Poisson process at 8 per second"?`},
		"sentence after":     {"these objectives are met:", "these objectives hold:", `features/x.feature:7: no sentence reads "these objectives hold:"; did you mean "these objectives are met:"? All of them are in https://github.com/vllmspec/vllmspec/blob/main/steps/vocabulary.md`},
		"model":              {"llama-3.1-8b", "lama-3.1-8b", `no simulated model "lama-3.1-8b"; did you mean "llama-3.1-8b"?`},
		"metric":             {"p50 TTFT", "p50 TTTF", `features/x.feature:8: unknown metric "TTTF"; did you mean "TTFT"?`},
		"unit":               {"500 ms", "500 cm", `features/x.feature:8: "cm" is no unit of TTFT; write 500 ms or 500 s`},
		"statistic":          {"p50 TTFT", "p120 TTFT", "features/x.feature:8: p120 is impossible"},
		"row":                {"| at most 500 ms |", "| at most 500 ms | x |", "features/x.feature:8: a row has two cells"},
		"rate":               {"at 8 per", "at 0 per", "the rate must be above 0"},
		"number":             {"at 8 per", "at eight per", `"eight" is no number`},
		"length":             {"256 tokens", "0 tokens", "it must be at least 1"},
		"time":               {"1 minute", "1 fortnight", `"fortnight" is no unit of time`},
		"no time":            {"1 minute", "0 minutes", "measures nothing"},
		"dataset":            {"prompts of 256 tokens are answered in 32 tokens", `conversations are drawn from "shargpt"`, `"shargpt" is no dataset; did you mean "sharegpt"?`},
		"file":               {"prompts of 256 tokens are answered in 32 tokens", `conversations are drawn from "my.jsonl"`, "there is no file "},
		"no workload":        {"    And prompts of 256 tokens are answered in 32 tokens\n", "", "does not say what is asked"},
		"no load":            {"    And requests arrive as a Poisson process at 8 per second\n", "", "does not say when requests are due"},
		"no server":          {"Given the model \"llama-3.1-8b\" is being served\n    And", "Given", "no server is named"},
		"a fault of theirs":  {"    When", "    And it refuses 5% of requests\n    When", "needs a simulated server"},
		"all warm-up":        {"    When", "    And the first 2 minutes are warm-up\n    When", "leaves nothing to measure"},
		"two loads":          {"    When", "    And 4 users ask with a think time of 1 second\n    When", "describes two loads"},
		"too long a prompt":  {"256 tokens", "1,000,000 tokens", "do not fit into the model's context of 131,072 tokens; ask for shorter ones"},
		"a broken gherkin":   {"Feature: X", "Feture: X", "features/x.feature:1: \"Feture: X\" cannot stand here; a file begins with Feature:"},
		"variation":          {"as a Poisson process at 8 per second", "in bursts at 8 per second with a coefficient of variation of 0", "too far from a Poisson process's 1"},
		"at once, for ever":  {"as a Poisson process at 8 per second", "nowhere\n    And all requests arrive at once", "no sentence reads \"requests arrive nowhere\""},
		"at once, till when": {"requests arrive as a Poisson process at 8 per second", "all requests arrive at once", "say how many they are"},
		"stage":              {"requests arrive as a Poisson process at 8 per second\n", "the request rate follows these stages:\n      | for 1 minute | 8 |\n", "features/x.feature:6: a row reads | for 1 minute | 4 per second |"},
		"swing":              {"requests arrive as a Poisson process at 8 per second", "the request rate swings between 9 and 8 per second every 1 minute", "the first must be below the second"},
		"trace":              {"requests arrive as a Poisson process at 8 per second", `requests arrive as in the trace "azure-2032"`, `"azure-2032" is no trace; did you mean "azure-2023"?`},
		"speed":              {"requests arrive as a Poisson process at 8 per second", `requests arrive as in the trace "burstgpt", 0 times as fast`, "0 times as fast is impossible"},
		"turns of prompts":   {"tokens\n", "tokens\n    And conversations have 3 turns\n", "turns belong to conversations"},
		"prefix of a talk":   {"prompts of 256 tokens are answered in 32 tokens", "conversations are drawn from \"sharegpt\"\n    And prompts in 2 groups share a prefix of 8 tokens", "a shared prefix belongs to prompts of a length"},
		"a mix beside":       {"    When", "    And the traffic is a mix of:\n      | a | 100% | prompts of 8 tokens are answered in 8 tokens |\n    When", "described twice, as a mix and beside it"},
		"shares":             {"prompts of 256 tokens are answered in 32 tokens\n", "the traffic is a mix of:\n      | a | 90% | prompts of 8 tokens are answered in 8 tokens |\n", "the shares of the mix are 90 % together"},
		"a row of a mix":     {"prompts of 256 tokens are answered in 32 tokens\n", "the traffic is a mix of:\n      | a | 100% | promts of 8 tokens are answered in 8 tokens |\n", `features/x.feature:5: "promts of 8 tokens are answered in 8 tokens" is no sentence about a workload; did you mean "prompts of … tokens are answered in … tokens"?`},
		"a class of none":    {"| p50 TTFT |", "| chat: p50 TTFT |", `features/x.feature:8: the traffic has no class "chat"`},
		"a server's class":   {"| p50 TTFT |", "| chat: max KV cache usage |", "it has no classes"},
		"which requests":     {"the model \"llama-3.1-8b\" is being served", "a simulated server of \"llama-3.1-8b\" on \"one H100\"\n    And it refuses some requests", `"some requests" does not say which requests`},
		"fault":              {"the model \"llama-3.1-8b\" is being served", "a simulated server of \"llama-3.1-8b\" on \"one H100\"\n    And it has the fault \"stal\"", `no fault "stal"; did you mean "stall"?`},
		"nothing in the row": {"| at most 500 ms |", "| |", "says no relation"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, sound, c.from)
			r, err := try(t, strings.Replace(sound, c.from, c.to, 1))
			said := r.output
			if err != nil {
				said = err.Error()
			}
			assert.False(t, r.passed)
			assert.Contains(t, said, c.says)
			assert.Empty(t, r.runs, "nothing was measured")
		})
	}
}

func TestDataset_brokenOneEndsBeforeTheLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.jsonl")
	require.NoError(t, os.WriteFile(path, []byte("{\"prompt\": \"a\"}\n{prompt}\n"), 0o644))
	text := strings.Replace(minute, "prompts of 256 tokens are answered in 32 tokens", `conversations are drawn from "`+path+`"`, 1)
	r := feature(t, text+"      | p50 TTFT | at most 500 ms |\n")
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "mine.jsonl:2: invalid character 'p'")
	assert.Empty(t, r.runs)
	left, _ := filepath.Glob(filepath.Join(r.out, ".run=*"))
	assert.Empty(t, left, "nothing is left behind")
}

func TestTags_thatSelectNothingAreAnError(t *testing.T) {
	text := "@slow\n" + minute + "      | p50 TTFT | at most 500 ms |\n"
	_, err := try(t, text, "GODOG_TAGS=@fast")
	assert.ErrorContains(t, err, `the tags "@fast" select no scenario`)
	for _, expression := range []string{"not @slow", "@slow or @fast", "(@slow)", "@slow,", "@a,@b && @c", "slow"} {
		_, err = try(t, text, "GODOG_TAGS="+expression)
		assert.ErrorContains(t, err, "cannot be used; write @a && ~@b", expression)
	}
	r, err := try(t, text, "GODOG_TAGS=@slow && ~@fast")
	require.NoError(t, err)
	assert.True(t, r.passed)
}

func TestUnknown_canBeAWarning(t *testing.T) {
	text := minute + "      | mean GPU power | at most 300 W |\n"
	assert.False(t, feature(t, text).passed)
	r := feature(t, text, "VLLMSPEC_UNKNOWN=warn")
	assert.True(t, r.passed)
	manifest, _, err := store.ReadManifest(r.runs[0])
	require.NoError(t, err)
	assert.Contains(t, strings.Join(harness.WarningTexts(manifest.Warnings), "\n"), "VLLMSPEC_UNKNOWN=warn")
}

// live is a server that lists a model and answers everything else as given.
func live(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			io.WriteString(w, `{"data":[{"id":"llama-3.1-8b"}]}`)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestServer_thatDoesNotServeFails(t *testing.T) {
	text := strings.Replace(minute, "1 minute", "3 requests", 1) + "      | error rate | at most 100% |\n"
	broken := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "boom", http.StatusInternalServerError) }
	r := feature(t, text, "VLLM_URL="+live(t, broken))
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "cannot answer a first request (http 500: boom)")

	r = feature(t, text, "VLLM_URL=http://127.0.0.1:1")
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "the server at http://127.0.0.1:1 cannot be reached: nothing listens there")

	asked := new(atomic.Int32)
	later := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/completions" && asked.Add(1) == 1 {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, `data: {"choices":[{"text":"Hi","finish_reason":"length"}]}`+"\n\ndata: [DONE]\n\n")
			return
		}
		broken(w, r)
	}
	r = feature(t, text, "VLLM_URL="+live(t, later))
	assert.False(t, r.passed, "an error rate of at most 100 % is met, and yet nothing was answered")
	assert.Contains(t, r.output, "not one of 3 requests was answered (3 http 500); the last said: boom")
	require.Len(t, r.runs, 1, "what happened is stored all the same")
}

func TestServer_thatCountsOtherwiseIsNoticed(t *testing.T) {
	t.Parallel()
	short := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, `data: {"choices":[{"text":"Hi","finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`+"\n\ndata: [DONE]\n\n")
	}
	r := feature(t, strings.Replace(minute, "1 minute", "3 requests", 1)+"      | requests | exactly 3 |\n", "VLLM_URL="+live(t, short), "VLLMSPEC_UNKNOWN=warn")
	require.Len(t, r.runs, 1)
	manifest, verdicts, err := store.ReadManifest(r.runs[0])
	require.NoError(t, err)
	warnings := strings.Join(harness.WarningTexts(manifest.Warnings), "\n")
	assert.Contains(t, warnings, "another number of prompt tokens than was sent in 3 of 3 requests")
	assert.Contains(t, warnings, "3 of 3 answers did not have the length that was asked for")
	assert.Contains(t, string(verdicts), `"outcome": "unknown"`, "the load was not the one that was asked for")
	assert.Contains(t, warnings, "readings of the server are missing: at ", "this server has no metrics")
}

func TestDeadline_loadThatGoTestWouldKillIsRefused(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "x.feature")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(minute, "1 minute", "20 minutes", 1)+"      | error rate | none |\n"), 0o644))
	env, err := environment.Read(root, []string{"VLLMSPEC_FEATURES=x.feature", "VLLMSPEC_TARGET=mock"})
	require.NoError(t, err)
	var output bytes.Buffer
	s := suite.New(env, time.Now().Add(10*time.Minute), new(suite.Interrupt), &output)
	features, err := s.Features()
	require.NoError(t, err)
	passed, err := s.Run(features[0])
	require.NoError(t, err)
	assert.False(t, passed)
	assert.Contains(t, output.String(), "add -timeout 30m0s, or -timeout 0")
}

func TestStop_isStored(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "x.feature")
	require.NoError(t, os.WriteFile(path, []byte(minute+"      | error rate | none |\n"), 0o644))
	env, err := environment.Read(root, []string{"VLLMSPEC_FEATURES=x.feature"})
	require.NoError(t, err)
	var output bytes.Buffer
	stopped := new(suite.Interrupt)
	s := suite.New(env, time.Time{}, stopped, &output)
	features, err := s.Features()
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		go func() {
			time.Sleep(20 * time.Second)
			stopped.Set("Ctrl-C")
		}()
		passed, err := s.Run(features[0])
		require.NoError(t, err)
		assert.False(t, passed)
	})
	assert.Contains(t, output.String(), "the run ended early: interrupted")
	names, err := store.Names(env.Out)
	require.NoError(t, err)
	require.Len(t, names, 1)
	isJudgedAgain(t, filepath.Join(env.Out, names[0]))
	manifest, _, err := store.ReadManifest(filepath.Join(env.Out, names[0]))
	require.NoError(t, err)
	assert.Equal(t, harness.StopInterrupted, manifest.Stopped.Kind)
	assert.InDelta(t, 160, manifest.Requests, 60)
}

func TestJUnit_onlyScenarioOfAFeatureFails(t *testing.T) {
	r := feature(t, strings.Replace(minute, "1 minute", "3 requests", 1)+"      | requests | exactly 4 |\n")
	require.False(t, r.passed)
	junit, err := os.ReadFile(filepath.Join(filepath.Dir(r.runs[0]), "junit.xml"))
	require.NoError(t, err)
	assert.Contains(t, string(junit), `tests="1" failures="1"`)
	assert.Contains(t, string(junit), `status="failed"`)
	assert.NotContains(t, string(junit), `status="passed"`)
}

func TestScenario_thatShowsNothingFails(t *testing.T) {
	judged, _, _ := strings.Cut(minute, "    Then ")
	r := feature(t, judged)
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "nothing is expected of this load; add: Then these objectives are met:")
	assert.Empty(t, r.runs)
	given, _, _ := strings.Cut(minute, "    When ")
	r = feature(t, given)
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "the scenario runs no load, and so shows nothing")
}
