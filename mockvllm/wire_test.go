package mockvllm_test

import (
	"net/http"
	"net/http/httptest"
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

// scrub takes out of a transcript what depends on the clock and the request.
func scrub(s string) string {
	event := `"created":`
	for {
		i := strings.Index(s, event)
		if i < 0 {
			return strings.ReplaceAll(s, "created:", `"created":0`)
		}
		end := i + strings.IndexByte(s[i:], ',')
		s = s[:i] + "created:" + s[end:]
	}
}

func TestTranscriptsAreThoseOfVLLM(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		body body
		want []string
	}{
		"completions": {"/v1/completions", completion(ids(5, 0), 2), []string{
			`data: {"id":"ID","object":"text_completion","created":0,"model":"plain","choices":[{"index":0,"text":"WORD","logprobs":null,"finish_reason":null,"stop_reason":null,"prompt_token_ids":null,"token_ids":null}]}`,
			`data: {"id":"ID","object":"text_completion","created":0,"model":"plain","choices":[{"index":0,"text":"WORD","logprobs":null,"finish_reason":"length","stop_reason":null,"prompt_token_ids":null,"token_ids":null}]}`,
			`data: {"id":"ID","object":"text_completion","created":0,"model":"plain","choices":[],"usage":{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":0}}}`,
			`data: [DONE]`,
		}},
		"chat": {"/v1/chat/completions", body{"messages": []body{{"role": "user", "content": "Hi"}}, "max_tokens": 2, "ignore_eos": true, "stream": true}, []string{
			`data: {"id":"ID","object":"chat.completion.chunk","created":0,"model":"plain","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}`,
			`data: {"id":"ID","object":"chat.completion.chunk","created":0,"model":"plain","choices":[{"index":0,"delta":{"content":"WORD"},"logprobs":null,"finish_reason":null,"token_ids":null}]}`,
			`data: {"id":"ID","object":"chat.completion.chunk","created":0,"model":"plain","choices":[{"index":0,"delta":{"content":"WORD"},"logprobs":null,"finish_reason":"length","stop_reason":null,"token_ids":null}]}`,
			`data: [DONE]`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, mockvllm.Config{Profile: plain()}, func(t *testing.T, s *mockvllm.Server) {
				a := ask(s, c.path, c.body)
				assert.Equal(t, "text/event-stream; charset=utf-8", a.Header().Get("Content-Type"))
				got := strings.Split(strings.TrimSpace(scrub(a.Body.String())), "\n\n")
				require.Len(t, got, len(c.want))
				for i, line := range got {
					line = replaceValue(line, `"id":"`, "ID")
					line = replaceValue(line, `"text":"`, "WORD")
					if !strings.Contains(line, `"role"`) {
						line = replaceValue(line, `"content":"`, "WORD")
					}
					assert.Equal(t, c.want[i], line)
				}
			})
		})
	}
}

func replaceValue(line, key, value string) string {
	i := strings.Index(line, key)
	if i < 0 {
		return line
	}
	start := i + len(key)
	return line[:start] + value + line[start+strings.IndexByte(line[start:], '"'):]
}

func TestErrorsHaveTheBodiesOfVLLM(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: plain(), APIKey: "secret"})
	for name, c := range map[string]struct {
		method, path, key, content, body string
		status                           int
		says                             string
	}{
		"no key":          {"POST", "/v1/completions", "", "application/json", `{}`, 401, `{"error":"Unauthorized"}`},
		"unknown model":   {"POST", "/v1/completions", "secret", "application/json", `{"model":"gpt","prompt":"a"}`, 404, "The model `gpt` does not exist."},
		"not JSON":        {"POST", "/v1/completions", "secret", "application/json", `{`, 400, "validation error"},
		"no prompt":       {"POST", "/v1/completions", "secret", "application/json", `{"prompt":""}`, 400, "cannot be empty"},
		"no messages":     {"POST", "/v1/chat/completions", "secret", "application/json", `{}`, 400, "messages must not be empty"},
		"too long":        {"POST", "/v1/completions", "secret", "application/json", `{"prompt":"a","max_tokens":100000}`, 400, "maximum context length"},
		"no tokens":       {"POST", "/v1/completions", "secret", "application/json", `{"prompt":"a","max_tokens":0}`, 400, "at least 1"},
		"strange token":   {"POST", "/v1/completions", "secret", "application/json", `{"prompt":[-1]}`, 400, "out of vocabulary"},
		"stream options":  {"POST", "/v1/completions", "secret", "application/json", `{"prompt":"a","stream_options":{}}`, 400, "Stream options"},
		"another type":    {"POST", "/v1/completions", "secret", "text/plain", `{}`, 400, "Only 'application/json'"},
		"an unknown path": {"GET", "/v2", "", "", "", 404, "Not Found"},
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

func TestMetricsAddUp(t *testing.T) {
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

func TestTheServerSaysWhoItIs(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: plain(), ServedName: "mine"})
	assert.Equal(t, http.StatusOK, get(s, "/health").Code)
	assert.JSONEq(t, `{"version":"`+mockvllm.Version+`"}`, get(s, "/version").Body.String())
	assert.Contains(t, get(s, "/v1/models").Body.String(), `"id":"mine"`)
	assert.Contains(t, ask(s, "/tokenize", `{"prompt":"Hello world"}`).Body.String(), `"count":5`)
}

func TestImpossibleConfigurationsAreRefused(t *testing.T) {
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
		"share of 2":       {Profile: plain(), Faults: []mockvllm.Fault{mockvllm.Refuse{Share: 2}}},
		"status 200":       {Profile: plain(), Faults: []mockvllm.Fault{mockvllm.Fail{Share: 1, Status: 200}}},
		"cannot be negati": {Profile: plain(), Faults: []mockvllm.Fault{mockvllm.Freeze{For: -1}}},
	} {
		_, err := mockvllm.New(c)
		assert.ErrorContains(t, err, says)
	}
	_, err := mockvllm.ProfileFor("lama-3.1-8b", "")
	assert.ErrorContains(t, err, `did you mean "llama-3.1-8b"`)
	_, err = mockvllm.ProfileFor("llama-3.1-8b", "one H10")
	assert.ErrorContains(t, err, `did you mean "one H100"`)
}
