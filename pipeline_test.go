package vllmspec_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/vllmspec/vllmspec/reports/ci"
)

// A compositeAction is what is read here of action.yml.
// https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax
type compositeAction struct {
	Name, Description string
	Inputs            map[string]struct {
		Description string
		Default     string
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []struct {
			ID, Uses, Shell, Run string
			Env                  map[string]string
		}
	}
}

func TestAction_isTrueToItsScript(t *testing.T) {
	var action compositeAction
	decoder := yaml.NewDecoder(strings.NewReader(readFile(t, "action.yml")))
	require.NoError(t, decoder.Decode(&action))
	assert.Equal(t, "composite", action.Runs.Using)
	text, script := readFile(t, "action.yml"), readFile(t, "deploy/action")
	for _, match := range regexp.MustCompile(`inputs\.([a-z-]+)`).FindAllStringSubmatch(text, -1) {
		assert.Contains(t, action.Inputs, match[1])
	}
	for name, input := range action.Inputs {
		assert.NotEmpty(t, input.Description, name)
		assert.Contains(t, text, "inputs."+name, "it is declared and not used")
	}
	ran := false
	for _, step := range action.Runs.Steps {
		assert.True(t, (step.Run == "") != (step.Uses == ""), "a step runs something or uses something")
		if step.Run == "" {
			continue
		}
		ran = true
		assert.Equal(t, "bash", step.Shell, "a composite action must name its shell")
		assert.Equal(t, "${{ github.action_path }}/deploy/action", step.Run)
		for name := range step.Env {
			assert.Regexp(t, `\b`+name+`\b`, script+"GITHUB_TOKEN", "the script does not read it")
		}
		for output := range action.Outputs {
			assert.Contains(t, script, `"`+output+"=")
			assert.Equal(t, "${{ steps."+step.ID+".outputs."+output+" }}", action.Outputs[output].Value)
		}
	}
	assert.True(t, ran)
}

// A pipelineJob is a job of a CI system that runs in a folder of its own, for a pull request of a forge of ours.
type pipelineJob struct {
	*testing.T
	dir      string
	comments []string
	forge    *httptest.Server
}

func newPipelineJob(t *testing.T) *pipelineJob {
	j := &pipelineJob{T: t, dir: t.TempDir()}
	j.forge = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			io.WriteString(w, "[]")
			return
		}
		var sent struct{ Body string }
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&sent))
		j.comments = append(j.comments, sent.Body)
	}))
	t.Cleanup(j.forge.Close)
	feature := `Feature: Chat
  Scenario: Quick
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 8 tokens
    And the prefix cache is cold
    And requests arrive evenly at 4 per second
    When the load runs for 30 seconds
    Then these objectives are met:
      | p50 TTFT | at most %s |
`
	for name, limit := range map[string]string{"met": "1 s", "missed": "1 ms"} {
		require.NoError(t, os.WriteFile(filepath.Join(j.dir, name+".feature"), fmt.Appendf(nil, feature, limit), 0o644))
	}
	return j
}

// runs runs a script with these variables and no other of CI's, and returns its exit code and what it printed.
func (j *pipelineJob) runs(script string, variables ...string) (code int, out string) {
	j.Helper()
	c := exec.Command("bash", "-c", script)
	c.Dir = j.dir
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.ContainsFunc([]string{"VLLM", "GITHUB_", "GITLAB_", "CI"}, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			c.Env = append(c.Env, entry)
		}
	}
	c.Env = append(c.Env, append(variables, "PWD="+j.dir)...)
	raw, err := c.CombinedOutput()
	if exit := new(exec.ExitError); err != nil {
		require.ErrorAs(j, err, &exit)
	}
	return c.ProcessState.ExitCode(), string(raw)
}

func TestAction_scriptMeasuresAndComments(t *testing.T) {
	root, err := os.Getwd()
	require.NoError(t, err)
	j := newPipelineJob(t)
	outputs := filepath.Join(j.dir, "outputs")
	run := func(variables ...string) (int, string) {
		return j.runs(filepath.Join(root, "deploy", "action"), append([]string{"SOURCE=" + root, "OUTPUT=" + filepath.Join(j.dir, "results"), "TIMEOUT=5m", "RUNNER_TEMP=" + j.dir,
			"GITHUB_OUTPUT=" + outputs, "GITHUB_ACTIONS=true", "GITHUB_REF=refs/pull/3/merge", "GITHUB_REPOSITORY=o/r", "GITHUB_JOB=slo", "GITHUB_API_URL=" + j.forge.URL, "GITHUB_TOKEN=t", "COMMENT=true", "MOCK=true"}, variables...)...)
	}
	code, out := run("MOCK=false", "FEATURES=met.feature", "VLLM_COMMAND=no-such-program serve x")
	assert.NotZero(t, code)
	assert.Contains(t, out, "no-such-program", "a command names a server too")
	require.NoError(t, os.Remove(outputs))
	j.comments = nil
	code, out = run("MOCK=false", "FEATURES=met.feature")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "::error title=vllmspec::the input url is empty")
	code, out = run("FEATURES=met.feature", "VLLM_URL=http://127.0.0.1:1", "VLLMSPEC_TARGET=live")
	assert.Equal(t, 0, code, out)
	code, out = run("FEATURES=missed.feature")
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "::error file=missed.feature,line=2")
	code, out = run("FEATURES=none.feature")
	assert.Equal(t, 2, code, out)
	assert.Equal(t, []string{"verdict=mistake", "verdict=met", "verdict=not met", "verdict=mistake"}, slices.DeleteFunc(strings.Split(readFile(t, outputs), "\n"), func(line string) bool { return !strings.HasPrefix(line, "verdict=") }))
	require.GreaterOrEqual(t, len(j.comments), 2)
	assert.True(t, strings.HasPrefix(j.comments[0], "<!-- vllmspec: slo -->\n## `PASSED` Objectives: 1 of 1 scenario passed"), j.comments[0])
	assert.Contains(t, j.comments[1], "❌ missed")
}

// TestAction_tellsAMistakeOfGoTestFromAMiss has tests that leave the results which a go test of features leaves.
func TestAction_tellsAMistakeOfGoTestFromAMiss(t *testing.T) {
	root, err := os.Getwd()
	require.NoError(t, err)
	j := newPipelineJob(t)
	results, outputs := filepath.Join(j.dir, "results"), filepath.Join(j.dir, "outputs")
	require.NoError(t, os.Mkdir(results, 0o755))
	for name, text := range map[string]string{"go.mod": "module x\n\ngo 1.26\n", "x_test.go": `package x

import (
	"os"
	"testing"
)

func Test(t *testing.T) {
	raw, _ := os.ReadFile("left.xml")
	if raw != nil {
		os.WriteFile(os.Getenv("VLLMSPEC_OUT")+"/junit.xml", raw, 0o644)
	}
	t.Fail()
}
`} {
		require.NoError(t, os.WriteFile(filepath.Join(j.dir, name), []byte(text), 0o644))
	}
	for _, c := range []struct {
		of      *ci.Results // nil: it leaves none
		verdict string
	}{
		{&ci.Results{Scenarios: []ci.ScenarioResult{{Scenario: "One", Path: "x.feature"}}}, "not met"},
		{&ci.Results{Refused: []ci.Refusal{{Path: "x.feature", Why: "no sentence reads that"}}}, "mistake"},
		{&ci.Results{Refused: []ci.Refusal{{Why: "VLLM_URL is set, and empty"}}}, "mistake"},
		{&ci.Results{Refused: []ci.Refusal{{Why: "it was interrupted", AfterSome: true}}}, "not met"},
		{nil, "mistake"},
	} {
		left := filepath.Join(j.dir, "left.xml")
		require.NoError(t, os.RemoveAll(left))
		require.NoError(t, os.RemoveAll(outputs))
		if c.of != nil {
			raw, err := ci.JUnit(*c.of)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(left, raw, 0o644))
		}
		code, out := j.runs(filepath.Join(root, "deploy", "action"), "SOURCE="+root, "OUTPUT="+results, "TIMEOUT=5m", "RUNNER_TEMP="+j.dir, "GITHUB_OUTPUT="+outputs, "MOCK=true", "TEST=-count=1 ./...")
		assert.Equal(t, 1, code, out)
		assert.Contains(t, readFile(t, outputs), "verdict="+c.verdict+"\n", "%+v\n%s", c.of, out)
	}
}

// A component is what is read here of templates/slo/template.yml.
// https://docs.gitlab.com/ci/components/
type component struct {
	Spec struct {
		Inputs map[string]struct{ Default any }
	}
}

// interpolated is the component's job, with its inputs in their places.
func interpolated(t *testing.T, inputs map[string]string) (script, after []string) {
	t.Helper()
	head, body, found := strings.Cut(readFile(t, "templates/slo/template.yml"), "\n---\n")
	require.True(t, found)
	var c component
	require.NoError(t, yaml.Unmarshal([]byte(head), &c))
	used := map[string]bool{}
	body = regexp.MustCompile(`\$\[\[ inputs\.([a-z-]+) \]\]`).ReplaceAllStringFunc(body, func(place string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(place, "$[[ inputs."), " ]]")
		require.Contains(t, c.Spec.Inputs, name)
		used[name] = true
		if value, given := inputs[name]; given {
			return value
		}
		return fmt.Sprint(c.Spec.Inputs[name].Default)
	})
	assert.NotContains(t, body, "$[[")
	assert.Len(t, used, len(c.Spec.Inputs), "an input is declared and not used")
	var jobs map[string]struct {
		Script []string
		After  []string `yaml:"after_script"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(body), &jobs))
	require.Contains(t, jobs, "slo")
	return jobs["slo"].Script, jobs["slo"].After
}

func TestComponent_scriptMeasuresAndComments(t *testing.T) {
	j := newPipelineJob(t)
	out, err := exec.Command("go", "build", "-o", filepath.Join(j.dir, "vllmspec"), "./cmd/vllmspec").CombinedOutput()
	require.NoError(t, err, "%s", out)
	run := func(inputs map[string]string, more ...string) (int, string) {
		script, after := interpolated(t, inputs)
		variables := []string{"PATH=" + j.dir + string(filepath.ListSeparator) + os.Getenv("PATH"), "GITLAB_CI=true", "CI=true", "CI_MERGE_REQUEST_IID=3", "CI_PROJECT_ID=9", "CI_JOB_NAME=slo", "CI_API_V4_URL=" + j.forge.URL, "GITLAB_TOKEN=t"}
		variables = append(variables, more...)
		code, out := j.runs("set -eo pipefail\n"+strings.Join(script, "\n"), variables...)
		_, afterwards := j.runs("set -eo pipefail\n"+strings.Join(after, "\n"), variables...)
		return code, out + afterwards
	}
	code, said := run(map[string]string{"features": "met.feature"})
	assert.Equal(t, 2, code)
	assert.Contains(t, said, "the input url is empty")
	code, said = run(map[string]string{"features": "met.feature"}, "VLLM_COMMAND=no-such-program serve x")
	assert.NotZero(t, code)
	assert.Contains(t, said, "no-such-program", "a command names a server too")
	code, said = run(map[string]string{"features": "met.feature", "mock": "true"}, "VLLM_URL=http://127.0.0.1:1", "VLLMSPEC_TARGET=live")
	assert.Equal(t, 0, code, said)
	assert.Empty(t, j.comments, "no comment was asked for")
	code, said = run(map[string]string{"features": "missed.feature", "mock": "true", "comment": "true"})
	assert.Equal(t, 1, code, said)
	require.Len(t, j.comments, 1)
	assert.Contains(t, j.comments[0], "❌ missed")
	assert.FileExists(t, filepath.Join(j.dir, "reports", "out", "junit.xml"))
}
