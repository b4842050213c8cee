package mockvllm_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

type exposition map[string]*dto.MetricFamily

func scrape(t *testing.T, s http.Handler) exposition {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	require.NoError(t, err)
	return families
}

// value is that of a counter or gauge, over all its label sets.
func (e exposition) value(name string) (sum float64) {
	for _, m := range e[name].GetMetric() {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return sum
}

func get(s http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

var update = flag.Bool("update", false, "write the transcripts anew")

// TestTranscripts compares whole conversations, byte by byte, with the files in
// testdata: nothing in them depends on when or where they are made. The files
// are to be read: each shows what a client of vLLM's gets to see.
func TestTranscripts(t *testing.T) {
	hi := []body{{"role": "user", "content": "Hi"}}
	city := body{"type": "object", "properties": body{"city": body{"type": "string"}}}
	weather := []body{{"type": "function", "function": body{"name": "weather", "parameters": city}}}
	flatWeather := body{"type": "function", "name": "weather", "parameters": city}
	usage := body{"include_usage": true}
	base := func(change func(*mockvllm.Config)) mockvllm.Config {
		c := mockvllm.Config{Profile: plain()}
		change(&c)
		return c
	}
	reasons := base(func(c *mockvllm.Config) { c.Reasoning = true })
	rust := base(func(c *mockvllm.Config) { c.Dialect = mockvllm.Rust })
	drafts := base(func(c *mockvllm.Config) { c.Draft = mockvllm.Draft{Tokens: 3, Acceptance: .6} })
	details := base(func(c *mockvllm.Config) { c.PromptDetails = true })
	none := base(func(*mockvllm.Config) {})
	for name, c := range map[string]struct {
		config mockvllm.Config
		path   string
		body   body
	}{
		"completions":           {none, "/v1/completions", completion(ids(5, 0), 3)},
		"completions-two":       {none, "/v1/completions", body{"prompt": ids(5, 0), "max_tokens": 2, "ignore_eos": true, "n": 2, "stream": true, "stream_options": usage}},
		"completions-token-ids": {none, "/v1/completions", body{"prompt": ids(3, 0), "max_tokens": 2, "ignore_eos": true, "stream": true, "return_token_ids": true}},
		"completions-whole":     {none, "/v1/completions", body{"prompt": []string{"Hello world", "And you?"}, "max_tokens": 3, "ignore_eos": true}},
		"completions-drafted":   {drafts, "/v1/completions", completion(ids(5, 0), 8)},
		"completions-running":   {none, "/v1/completions", body{"prompt": ids(5, 0), "max_tokens": 2, "ignore_eos": true, "stream": true, "stream_options": body{"include_usage": true, "continuous_usage_stats": true}}},
		"completions-rust":      {rust, "/v1/completions", completion(ids(5, 0), 2)},
		"chat":                  {none, "/v1/chat/completions", body{"messages": hi, "max_tokens": 3, "ignore_eos": true, "stream": true}},
		"chat-usage":            {none, "/v1/chat/completions", body{"messages": hi, "max_tokens": 3, "ignore_eos": true, "stream": true, "stream_options": usage}},
		"chat-whole":            {none, "/v1/chat/completions", body{"messages": hi, "max_tokens": 3, "ignore_eos": true}},
		"chat-rust":             {rust, "/v1/chat/completions", body{"messages": hi, "max_tokens": 2, "ignore_eos": true, "stream": true, "stream_options": usage}},
		"chat-tools":            {none, "/v1/chat/completions", body{"messages": hi, "tools": weather, "stream": true}},
		"chat-reasoning":        {reasons, "/v1/chat/completions", body{"messages": hi, "max_tokens": 8, "ignore_eos": true, "stream": true, "stream_options": usage}},
		"chat-reasoning-whole":  {reasons, "/v1/chat/completions", body{"messages": hi, "max_tokens": 8, "ignore_eos": true}},
		"responses":             {none, "/v1/responses", body{"input": "Hi", "max_output_tokens": 3, "ignore_eos": true, "stream": true}},
		"messages":              {none, "/v1/messages", body{"messages": hi, "system": "Be brief.", "max_tokens": 3, "ignore_eos": true, "stream": true}},
		"messages-whole":        {none, "/v1/messages", body{"messages": hi, "max_tokens": 3, "ignore_eos": true}},
		"responses-tools":       {none, "/v1/responses", body{"input": "Hi", "tools": []body{flatWeather}, "stream": true}},
		"responses-reasoning":   {reasons, "/v1/responses", body{"input": "Hi", "max_output_tokens": 8, "ignore_eos": true, "stream": true}},
		"messages-tools":        {none, "/v1/messages", body{"messages": hi, "max_tokens": 40, "tools": []body{{"name": "weather", "input_schema": city}}, "stream": true}},
		"messages-reasoning":    {reasons, "/v1/messages", body{"messages": hi, "max_tokens": 8, "stream": true}},
		"messages-details":      {details, "/v1/messages", body{"messages": hi, "system": "Be brief.", "max_tokens": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, c.config, func(t *testing.T, s *mockvllm.Server) {
				a := ask(s, c.path, c.body)
				require.Equal(t, http.StatusOK, a.Code)
				sent, _ := json.Marshal(c.body)
				got := fmt.Sprintf("POST %s\n%s\n\n%s\n\n%s", c.path, sent, a.Header().Get("Content-Type"), a.Body)
				file := filepath.Join("testdata", name+".txt")
				if *update {
					require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				}
				want, err := os.ReadFile(file)
				require.NoError(t, err)
				assert.Equal(t, string(want), got)
			})
		})
	}
}

func TestErrors_haveTheBodiesOfVLLM(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: plain(), APIKeys: []string{"secret"}})
	for name, c := range map[string]struct {
		method, path, key, content, body string
		status                           int
		says                             string
	}{
		"no key":          {"POST", "/v1/completions", "", "application/json", `{}`, 401, `{"error":"Unauthorized"}`},
		"unknown model":   {"POST", "/v1/completions", "secret", "application/json", `{"model":"gpt","prompt":"a"}`, 404, "The model `gpt` does not exist."},
		"not JSON":        {"POST", "/v1/completions", "secret", "application/json", `{`, 400, "validation error"},
		"no prompt":       {"POST", "/v1/completions", "secret", "application/json", `{"prompt":""}`, 400, "must be provided and non-empty"},
		"no messages":     {"POST", "/v1/chat/completions", "secret", "application/json", `{}`, 400, "'loc': 'body.messages', 'msg': 'Field required', 'input': '<dict of 0 items>'"},
		"too long":        {"POST", "/v1/completions", "secret", "application/json", `{"prompt":"a","max_tokens":100000}`, 400, "cannot be greater than max_model_len"},
		"no tokens":       {"POST", "/v1/completions", "secret", "application/json", `{"prompt":"a","max_tokens":0}`, 400, "at least 1"},
		"too many":        {"POST", "/v1/completions", "secret", "application/json", `{"prompt":["a","b"],"n":100}`, 400, "are more than"},
		"greedy twice":    {"POST", "/v1/completions", "secret", "application/json", `{"prompt":"a","n":2,"temperature":0}`, 400, "greedy sampling"},
		"cold":            {"POST", "/v1/completions", "secret", "application/json", `{"prompt":"a","temperature":-1}`, 400, "non-negative"},
		"a strange stop":  {"POST", "/v1/completions", "secret", "application/json", `{"prompt":"a","stop":7}`, 400, "'loc': 'body.stop'"},
		"a wrong type":    {"POST", "/v1/completions", "secret", "application/json", `{"prompt":"a","max_tokens":"x"}`, 400, "unable to parse string as an integer"},
		"no limit":        {"POST", "/v1/messages", "secret", "application/json", `{"messages":[{"role":"user","content":"a"}]}`, 400, "body.max_tokens"},
		"strange token":   {"POST", "/v1/completions", "secret", "application/json", `{"prompt":[-1]}`, 400, "greater than or equal to 0"},
		"stream options":  {"POST", "/v1/completions", "secret", "application/json", `{"prompt":"a","stream_options":{}}`, 400, "Stream options"},
		"another type":    {"POST", "/v1/completions", "secret", "text/plain", `{}`, 400, "Only 'application/json'"},
		"an unknown path": {"GET", "/v2", "secret", "", "", 404, "Not Found"},
		"a wrong method":  {"GET", "/v1/completions", "secret", "", "", 405, "Method Not Allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.content)
			if c.key != "" {
				r.Header.Set("Authorization", "Bearer "+c.key)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			assert.Equal(t, c.status, w.Code)
			assert.Contains(t, w.Body.String(), c.says)
		})
	}
}

func TestMetrics_addUp(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain()}, func(t *testing.T, s *mockvllm.Server) {
		together(s, 10, func(i int) body { return completion(ids(40, i), 20) })
		m := scrape(t, s)
		assert.EqualValues(t, 200, m.value("vllm:generation_tokens_total"))
		assert.EqualValues(t, 400, m.value("vllm:prompt_tokens_total"))
		assert.EqualValues(t, 10, m.value("vllm:request_success_total"))
		for name, count := range map[string]uint64{
			"vllm:time_to_first_token_seconds": 10, "vllm:e2e_request_latency_seconds": 10, "vllm:request_queue_time_seconds": 10,
			"vllm:inter_token_latency_seconds": 190, "vllm:request_prompt_tokens": 10,
		} {
			family := m[name]
			require.NotNil(t, family, name)
			h := family.GetMetric()[0].GetHistogram()
			assert.Equal(t, count, h.GetSampleCount(), name)
			last, bucket := uint64(0), h.GetBucket()
			for _, b := range bucket {
				assert.GreaterOrEqual(t, b.GetCumulativeCount(), last, name)
				last = b.GetCumulativeCount()
			}
			assert.Equal(t, count, last, "%s: the last bucket holds all", name)
		}
		ttft := m["vllm:time_to_first_token_seconds"].GetMetric()[0].GetHistogram()
		want := 10 * (5*time.Millisecond + time.Microsecond + step(10, 0)).Seconds()
		assert.InDelta(t, want, ttft.GetSampleSum(), 1e-6, "it reports what it produced")
	})
}

func TestServer_saysWhatItIs(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: plain(), Names: []string{"mine"}})
	assert.Equal(t, http.StatusOK, get(s, "/health").Code)
	assert.JSONEq(t, `{"version":"`+mockvllm.Version+`"}`, get(s, "/version").Body.String())
	for _, path := range []string{"/version", "/v1/models"} {
		assert.Equal(t, mockvllm.Version, get(s, path).Header().Get(mockvllm.Header), "%s says that it is the mock's", path)
	}
	assert.Contains(t, get(s, "/v1/models").Body.String(), `"id":"mine"`)
	assert.Contains(t, ask(s, "/tokenize", `{"prompt":"Hello world"}`).Body.String(), `"tokens":[128000,9906,1917]`, "as Llama 3 counts it")
	assert.JSONEq(t, `{"prompt":"<|begin_of_text|>Hello world"}`, ask(s, "/detokenize", `{"tokens":[128000,9906,1917]}`).Body.String())
}

func TestConfig_impossibleOnesAreRefused(t *testing.T) {
	small := func(change func(*mockvllm.Profile)) mockvllm.Config {
		p := plain()
		change(&p)
		return mockvllm.Config{Profile: p}
	}
	for says, c := range map[string]mockvllm.Config{
		"needs a profile":  {},
		"0 sequences":      small(func(p *mockvllm.Profile) { p.MaxSeqs = 0 }),
		"1 cache blocks":   small(func(p *mockvllm.Profile) { p.Blocks = 1 }),
		"0 tokens":         small(func(p *mockvllm.Profile) { p.MaxBatchedTokens = 0 }),
		"no fault":         {Profile: plain(), Faults: []mockvllm.Fault{{Kind: "frezze"}}},
		"share of 2":       {Profile: plain(), Faults: []mockvllm.Fault{{Kind: mockvllm.Refuse, Share: 2}}},
		"status 200":       {Profile: plain(), Faults: []mockvllm.Fault{{Kind: mockvllm.Fail, Share: 1, Status: 200}}},
		"cannot be negati": {Profile: plain(), Faults: []mockvllm.Fault{{Kind: mockvllm.Freeze, For: -1}}},
	} {
		_, err := mockvllm.New(c)
		assert.ErrorContains(t, err, says)
	}
	_, err := mockvllm.ProfileFor("llama-3.1-8b-fp8", "")
	assert.ErrorContains(t, err, `no simulated model "llama-3.1-8b-fp8"`, "other weights are another model")
	_, err = mockvllm.ProfileFor("lama-3.1-8b", "")
	assert.ErrorContains(t, err, `did you mean "llama-3.1-8b"`)
	_, err = mockvllm.ProfileFor("llama-3.1-8b", "one H10")
	assert.ErrorContains(t, err, `did you mean "one H100"`)
}
