package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
)

func ttft(v float64) harness.Figure { return harness.Figure{Name: "p99 TTFT", Unit: "s", Value: v} }

// runsOf are runs that have a p99 TTFT each.
func runsOf(values ...float64) (out []store.Measured) {
	for _, v := range values {
		out = append(out, store.Measured{Requests: 100, Figures: []harness.Figure{ttft(v)}})
	}
	return out
}

func baseline(t *testing.T, text []byte) *store.Baseline {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.txt")
	require.NoError(t, os.WriteFile(path, text, 0o644))
	b, err := store.ReadBaseline(path)
	require.NoError(t, err)
	return b
}

func TestBenchmarkLines_areReadByBenchstatsOwnReader(t *testing.T) {
	text := store.Bench("A working day's traffic", map[string]string{"model": "llama-3.1-8b", "server version": "0.32.0"}, store.Measured{Requests: 2348, Figures: []harness.Figure{
		{Name: "p99 TTFT", Unit: "s", Value: 0.026}, {Name: "request rate", Unit: "/s", Value: 7.9}, {Name: "attainment", Unit: "ratio", Value: 1},
		{Name: "max concurrency", Unit: "count", Value: 12}, {Name: "mean input tokens", Unit: "tokens", Value: 1e-9}, {Name: "chat: p99 TTFT", Unit: "s", Value: 0.1},
	}})
	reader := benchfmt.NewReader(bytes.NewReader(text), "bench.txt")
	require.True(t, reader.Scan())
	result, ok := reader.Result().(*benchfmt.Result)
	require.True(t, ok, "%v\n%s", reader.Result(), text)
	assert.Equal(t, "A_working_day_s_traffic", string(result.Name))
	assert.Equal(t, 2348, result.Iters)
	assert.Equal(t, "llama-3.1-8b", result.GetConfig("model"))
	assert.Equal(t, "0.32.0", result.GetConfig("server-version"))
	var units []string
	for _, v := range result.Values {
		units = append(units, v.Unit)
	}
	assert.Equal(t, []string{"p99-TTFT-sec", "request-rate/s", "attainment-ratio", "max-concurrency", "mean-input-tokens", "chat:p99-TTFT-sec"}, units)
	assert.False(t, reader.Scan())
	require.NoError(t, reader.Err())
}

func TestBaseline_isWhatBenchWrote(t *testing.T) {
	figures := []harness.Figure{ttft(0.1234567890123), {Name: "request rate", Unit: "/s", Value: 8}, {Name: "max KV cache usage", Unit: "ratio", Value: 1e-7}, {Name: "mean input tokens", Unit: "tokens", Value: 512}}
	other := []harness.Figure{ttft(0.2), {Name: "request rate", Unit: "/s", Value: 7}, {Name: "max KV cache usage", Unit: "ratio", Value: 0}, {Name: "mean input tokens", Unit: "tokens", Value: 500}}
	b := baseline(t, store.Bench("Chat", map[string]string{"model": "m", "gpu": ""}, store.Measured{Figures: figures}, store.Measured{Figures: other}))
	assert.Equal(t, 2, b.Runs())
	for i, f := range figures {
		values, err := b.Values(f)
		require.NoError(t, err)
		assert.Equal(t, []float64{f.Value, other[i].Value}, values)
	}
	assert.Empty(t, b.Unlike(map[string]string{"model": "m"}))
	_, err := b.Values(harness.Figure{Name: "p98 TTFT", Unit: "s"})
	assert.ErrorContains(t, err, `x.txt:3 has no p98-TTFT-sec; did you mean "p99-TTFT-sec"?; make the baseline anew`)
}

func TestLabels_thatDifferNameUnlikeRuns(t *testing.T) {
	b := baseline(t, store.Bench("Chat", map[string]string{"model": "m", "gpu": "one H100", "workload": "prompts of\n 512 tokens", "note by": "me"}, runsOf(1, 2)...))
	unlike := b.Unlike(map[string]string{"model": "m", "gpu": "two H100", "workload": "prompts of 512 tokens", "server version": "0.32.0"})
	require.Len(t, unlike, 2)
	assert.Equal(t, `gpu was "one H100" and is now "two H100"`, unlike[0].String())
	assert.Equal(t, `server-version was nothing and is now "0.32.0"`, unlike[1].String())
}

func TestBaseline_isReadAsAnEditorSavedIt(t *testing.T) {
	text := store.Bench("A", map[string]string{"clock": "virtual"}, runsOf(0.1)...)
	assert.Equal(t, map[string]string{"clock": "virtual"}, baseline(t, append([]byte("\xef\xbb\xbf"), text...)).Labels(), "a byte order mark says nothing")
	path := filepath.Join(t.TempDir(), "x.txt")
	require.NoError(t, os.WriteFile(path, []byte("\xff\xfeB\x00"), 0o600))
	_, err := store.ReadBaseline(path)
	assert.ErrorContains(t, err, "is written in UTF-16; save it as UTF-8")
}

func TestBaseline_ofSeveralScenariosIsReadByName(t *testing.T) {
	b := baseline(t, append(store.Bench("Chat", nil, runsOf(1, 2)...), store.Bench("Code", nil, runsOf(3)...)...))
	of, err := b.Of("Code")
	require.NoError(t, err)
	values, err := of.Values(ttft(0))
	require.NoError(t, err)
	assert.Equal(t, []float64{3}, values)
	_, err = b.Of("Prose")
	assert.ErrorContains(t, err, "holds no run of Prose, but of Chat, Code")
}

func TestBaseline_malformedSaysWhere(t *testing.T) {
	for says, text := range map[string]string{
		"x.txt:2: missing measurements; a baseline is": "model: m\nBenchmarkChat 12\n",
		"x.txt holds no runs; a baseline is the bench": "p99 TTFT 12 ms\n",
	} {
		path := filepath.Join(t.TempDir(), "x.txt")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		_, err := store.ReadBaseline(path)
		assert.ErrorContains(t, err, says)
	}
}

func TestBaseline_withoutFiguresIsRefusedWhereItStands(t *testing.T) {
	good := string(store.Bench("A", map[string]string{"model": "m"}, runsOf(.1, .2)...))
	for text, says := range map[string]string{
		strings.Replace(good, "0.2 p99", "NaN p99", 1):                    "x.txt:4: p99-TTFT-sec is NaN, which nothing can be compared with",
		strings.Replace(good, "0.2 p99", "+Inf p99", 1):                   "x.txt:4: p99-TTFT-sec is +Inf",
		strings.Replace(good, "0.1 p99", "-inf p99", 1):                   "x.txt:3: p99-TTFT-sec is -Inf",
		"<<<<<<< HEAD\n" + good + "=======\n" + good + ">>>>>>> theirs\n": "x.txt:1: <<<<<<< is a mark of a merge that git could not finish",
		good + "=======\n": "x.txt:5: =======",
		strings.Replace(good, "BenchmarkA", "||||||| base\nBenchmarkA", 1): "|||||||",
		strings.Replace(good, "\n", "\r\n", -1) + ">>>>>>> theirs\r\n":     ">>>>>>>",
	} {
		path := filepath.Join(t.TempDir(), "x.txt")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		_, err := store.ReadBaseline(path)
		assert.ErrorContains(t, err, says, text)
	}
}
