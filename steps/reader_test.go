package steps_test

import (
	"fmt"
	"io"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/steps"
)

// options are godog's for a feature of this text.
func options(text string) *godog.Options {
	return &godog.Options{FS: fstest.MapFS{"x.feature": {Data: []byte(text)}}, Paths: []string{"x.feature"}, Strict: true, Output: io.Discard, Format: "pretty"}
}

// nowhere gives no lines: the nodes of a feature stand for themselves.
func nowhere(nodes []string, row ...int) string { return fmt.Sprint("node ", nodes[0], row) }

const background = `Feature: Chat
  Background:
    Given the model "llama-3.1-8b" is being served
    And prompts of 100 tokens are answered in 20 tokens
    And requests arrive evenly at 10 per second
  Scenario: One
    When the load runs for 100 requests
    Then these objectives are met:
      | requests   | exactly 100 |
      | error rate | none        |
  Scenario: Two
    When the load runs for 100 requests
    Then these objectives are met:
      | max TTFT | at most 1 ms |
`

func TestReader_findsEachMistakeOnce(t *testing.T) {
	check := func(text string, onMock bool) error {
		read, err := godog.TestSuite{Options: options(text)}.RetrieveFeatures()
		require.NoError(t, err)
		return steps.NewReader(steps.Own{}).Check(read[0].Pickles, func(*godog.Scenario) bool { return onMock }, nowhere)
	}
	assert.NoError(t, check(background, true))
	broken := `Feature: Chat
  Background:
    Given the model "llama-9" is being served
    And prompts of 100 tokens are answered by 20 tokens
  Scenario: One
    Then these objectives are met:
      | p50 TTFTT | at most 1 ms |
  Scenario: Two
    When the load runs for 5 minutes
`
	err := check(broken, true)
	require.ErrorContains(t, err, `llama-9`)
	assert.ErrorContains(t, err, `no sentence reads "prompts of 100 tokens are answered by 20 tokens"; did you mean "prompts of 100 tokens are answered in 20 tokens"? All of them are in https://github.com/vllmspec/vllmspec/blob/main/steps/vocabulary.md`, "a user's own module has no file of it")
	assert.ErrorContains(t, err, `[0]: unknown metric "TTFTT"`, "in the first row")
	assert.Len(t, err.(interface{ Unwrap() []error }).Unwrap(), 3, "the background stands in both scenarios")
	assert.NotContains(t, check(broken, false).Error(), "llama-9", "another server may have it")
}

func TestReader_seesWhichScenariosBringAMock(t *testing.T) {
	read, err := godog.TestSuite{Options: options("Feature: f\n  Scenario: One\n    Given a simulated server of \"llama-3.1-8b\" on \"one H100\"\n  Scenario: Two\n    Given the model \"x\" is being served\n")}.RetrieveFeatures()
	require.NoError(t, err)
	assert.True(t, steps.NewReader(steps.Own{}).BringsMock(read[0].Pickles[0]))
	assert.False(t, steps.NewReader(steps.Own{}).BringsMock(read[0].Pickles[1]))
}

// TestReader_carriesScenariosOut runs scenarios with what a setting has to have, and no more.
func TestReader_carriesScenariosOut(t *testing.T) {
	var results []steps.Result
	reader, session := steps.NewReader(steps.Own{}), &experiment.Session{Out: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		status := godog.TestSuite{Options: options(background), ScenarioInitializer: func(sc *godog.ScenarioContext) {
			reader.Bind(sc, steps.Setting{Session: session, Virtual: true, Where: nowhere, Sentences: func(*godog.Scenario) []string { return nil }, Ended: func(r steps.Result) { results = append(results, r) }})
		}}.Run()
		assert.Equal(t, 1, status, "the second is missed")
	})
	require.Len(t, results, 2)
	assert.NoError(t, results[0].Err)
	assert.Equal(t, slo.Met, results[0].Summary.Outcome)
	assert.Equal(t, "One", results[0].Scenario.Name)
	assert.Equal(t, "llama-3.1-8b", results[0].Target.Model)
	assert.Equal(t, slo.Missed, results[1].Summary.Outcome)
	assert.Equal(t, "these objectives are met:", results[1].LastStep)
	require.ErrorContains(t, results[1].Err, "1 of 1 objectives are not met: 1 missed")
	assert.ErrorContains(t, results[1].Err, "[0])", "the row says where it stands")
}
