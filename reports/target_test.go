package reports_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/ci"
)

func TestTarget_inOneLine(t *testing.T) {
	for want, s := range map[string]store.Server{
		"http://a:8000 (llama-3.1-8b, vLLM 0.32.0)":                       {Origin: store.AtURL, Kind: "a server at a URL", URL: "http://a:8000", Model: "llama-3.1-8b", Version: "0.32.0"},
		"http://a, http://b and http://c (llama-3.1-8b)":                  {Origin: store.AtURL, Kind: "3 replicas", URL: "http://a,http://b,http://c", Model: "llama-3.1-8b"},
		"http://a (llama-3.1-8b, simulated)":                              {Origin: store.AtURL, Kind: "a server at a URL", URL: "http://a", Model: "llama-3.1-8b", Version: "0.32.0", Simulated: true},
		"the command vllm at http://127.0.0.1:8123 (tiny, vLLM 0.32.0)":   {Origin: store.OfCommand, Kind: "the command vllm", URL: "http://127.0.0.1:8123", Model: "tiny", Version: "0.32.0"},
		"the mock, in virtual time (llama-3.1-8b on one H100, simulated)": {Origin: store.OfMock, Kind: "the mock, in virtual time", URL: "http://mock", Model: "llama-3.1-8b", Hardware: "one H100", Simulated: true},
		"http://a:8000 (tiny, SGLang 0.5.6)":                              {Origin: store.AtURL, URL: "http://a:8000", Model: "tiny", Version: "0.5.6", Software: servers.SGLang},
		"https://a.openai.azure.com (chat, Azure OpenAI)":                 {Origin: store.AtURL, URL: "https://a.openai.azure.com", Model: "chat", Software: servers.AzureOpenAI},
		"http://a:8000 (tiny, version 7)":                                 {Origin: store.AtURL, URL: "http://a:8000", Model: "tiny", Version: "7", Software: servers.Unknown},
		"http://a:8000 (tiny)":                                            {Origin: store.AtURL, URL: "http://a:8000", Model: "tiny", Software: servers.Unknown},
		"":                                                                {},
	} {
		assert.Equal(t, want, reports.OfServer(s).String())
	}
}

// TestTarget_runOfAnOlderVersion reads manifests that were written before servers
// said whether they were simulated.
func TestTarget_runOfAnOlderVersion(t *testing.T) {
	virtual := store.Manifest{Virtual: true, Server: store.Server{Kind: "the mock, in virtual time", URL: "http://mock", Model: "llama-3.1-8b"}}
	assert.Equal(t, "the mock, in virtual time (llama-3.1-8b, simulated)", reports.NewTarget(virtual).String())
	overTCP := store.Manifest{Scenario: store.Scenario{Labels: map[string]string{"server": "mock"}}, Server: store.Server{Kind: "the mock, over TCP", URL: "http://127.0.0.1:1"}}
	assert.Equal(t, "the mock, over TCP (simulated)", reports.NewTarget(overTCP).String())
	real := store.Manifest{Scenario: store.Scenario{Labels: map[string]string{"server": "real"}}, Server: store.Server{Kind: "a server at a URL", URL: "http://a"}}
	assert.Equal(t, "http://a", reports.NewTarget(real).String())
}

// simulated is what is known of a passed scenario on the mock.
func simulated(name string) ci.ScenarioResult {
	return ci.ScenarioResult{Scenario: name, Nth: 1, Outcome: slo.Met, Passed: true, Target: reports.Target{Origin: store.OfMock, Kind: "the mock, in virtual time", Simulated: true}}
}

func TestTarget_countSaysHowManyAreSimulated(t *testing.T) {
	onServer := simulated("Real")
	onServer.Target = reports.Target{Origin: store.AtURL, Where: "http://a", Model: "m"}
	for says, all := range map[string][]ci.ScenarioResult{
		">2 of 2 pass (simulated)<":   {simulated("One"), simulated("Two")},
		">2 of 2 pass (1 simulated)<": {simulated("One"), onServer},
		">1 of 1 pass<":               {onServer},
	} {
		assert.Contains(t, ci.Badge(all), says)
	}
	assert.Contains(t, ci.Badge([]ci.ScenarioResult{simulated("One"), onServer}), "; target: the mock, in virtual time (simulated); http://a (m)</title>")
	assert.Contains(t, ci.Markdown([]ci.ScenarioResult{simulated("One"), onServer}), "2 of 2 scenarios passed (1 simulated)\n")
	assert.Contains(t, ci.Markdown([]ci.ScenarioResult{onServer}), "\n\ntarget: http://a (m)\n\n<details open><summary>1 scenario passed</summary>\n")
}

func TestSummary_listsWhatIsLeftOut(t *testing.T) {
	left := ci.LeftOut{Scenario: "A | B", Where: "features/a.feature:3", Why: "it needs a GPU"}
	assert.Contains(t, ci.Markdown([]ci.ScenarioResult{simulated("One")}, left), "\n1 scenario is left out:\n\n- A \\| B (features/a.feature:3): it needs a GPU\n")
	assert.Contains(t, ci.Markdown(nil, left, left), "2 scenarios are left out")
	assert.Equal(t, "::error title=Nothing was run::one%0Atwo", ci.RefusedAnnotation(errors.New("one\ntwo"), false))
}

func TestList_mockIsNoTrendOfARealServer(t *testing.T) {
	entry := func(server store.Server, at int) reports.Entry {
		run := runOf(100)
		m := store.NewManifest("run=x", run)
		m.Start, m.Server = run.Start.Add(time.Duration(at)*time.Hour), server
		objective, err := slo.Parse("p50 TTFT", "at most 1 s")
		require.NoError(t, err)
		return reports.NewEntry(m, slo.Judge(measure.Of(run), []harness.Objective{objective}))
	}
	real, mock := store.Server{Origin: store.AtURL, URL: "http://a"}, store.Server{Origin: store.OfMock, Kind: "the mock, over TCP", Simulated: true}
	var out bytes.Buffer
	require.NoError(t, reports.Index(&out, []reports.Entry{entry(real, 2), entry(mock, 1), entry(real, 0)}))
	text := out.String()
	assert.Len(t, elements(t, text, "tr"), 1+2+1+3, "two scenarios, of two runs and of one; three runs")
	assert.Contains(t, text, "met, simulated")
}
