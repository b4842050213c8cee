package mockvllm_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// with is a completion with more in its body.
func with(b body, more body) body {
	for k, v := range more {
		b[k] = v
	}
	return b
}

func usageOf(a *answered) map[string]any {
	return a.events()[len(a.events())-1]["usage"].(map[string]any)
}

func TestCache_isNotSharedBySaltsAndAdapters(t *testing.T) {
	config := mockvllm.Config{Profile: plain(), PromptDetails: true, Adapters: []mockvllm.Adapter{{Name: "sql", Path: "/sql"}}}
	bubble(t, config, func(t *testing.T, s *mockvllm.Server) {
		cached := func(more body) any {
			return usageOf(ask(s, "/v1/completions", with(completion(ids(100, 0), 2), more)))["prompt_tokens_details"].(map[string]any)["cached_tokens"]
		}
		for _, more := range []body{{}, {"cache_salt": "a"}, {"cache_salt": "b"}, {"model": "sql"}} {
			assert.EqualValues(t, 0, cached(more), "%v is cold", more)
			assert.EqualValues(t, 96, cached(more), "%v is warm the second time", more)
		}
	})
}

func TestCache_saltChangesNothingElse(t *testing.T) {
	config := mockvllm.Config{Profile: plain(), Faults: []mockvllm.Fault{{Kind: mockvllm.Fail, Share: 0.5, Status: 503}}}
	answers := func(more body) (out []string) {
		bubble(t, config, func(t *testing.T, s *mockvllm.Server) {
			for from := range 8 {
				a := ask(s, "/v1/completions", with(completion(ids(40, from), 8), more))
				out = append(out, strconv.Itoa(a.Code)+a.Body.String())
			}
		})
		return out
	}
	bare := answers(body{})
	assert.NotEqual(t, bare[0], bare[1])
	for _, salt := range []string{"a", "another one"} {
		assert.Equal(t, bare, answers(body{"cache_salt": salt}), "what is drawn depends on what is asked")
	}
}

func TestCache_blocksHaveTheSizeAskedFor(t *testing.T) {
	p := plain()
	p.BlockSize = 32
	bubble(t, mockvllm.Config{Profile: p, PromptDetails: true}, func(t *testing.T, s *mockvllm.Server) {
		ask(s, "/v1/completions", completion(ids(100, 0), 2))
		a := ask(s, "/v1/completions", completion(ids(100, 0), 2))
		assert.EqualValues(t, 96, usageOf(a)["prompt_tokens_details"].(map[string]any)["cached_tokens"])
		a = ask(s, "/v1/completions", completion(ids(80, 0), 2))
		assert.EqualValues(t, 64, usageOf(a)["prompt_tokens_details"].(map[string]any)["cached_tokens"], "two blocks of 32")
	})
}

func TestAdapters_waitForASlotAndHoldNothingElseBack(t *testing.T) {
	config := mockvllm.Config{Profile: plain(), MaxAdapters: 1, Adapters: []mockvllm.Adapter{{Name: "a", Path: "/a"}, {Name: "b", Path: "/b"}}}
	bubble(t, config, func(t *testing.T, s *mockvllm.Server) {
		first := make([]time.Duration, 3)
		done := make(chan bool)
		begun := time.Now()
		for i, model := range []string{"a", "b", "plain"} {
			go func() {
				time.Sleep(time.Duration(i) * time.Millisecond) // in this order
				a := ask(s, "/v1/completions", with(completion(ids(32, i), 50), body{"model": model}))
				first[i] = a.asked.Sub(begun) + a.tokens()[0]
				done <- true
			}()
		}
		time.Sleep(100 * time.Millisecond)
		m := scrape(t, s)
		assert.EqualValues(t, 2, m.value("vllm:num_requests_running"))
		assert.EqualValues(t, 1, m.value("vllm:num_requests_waiting"))
		info := m["vllm:lora_requests_info"].GetMetric()
		assert.Equal(t, []string{"1", "a", "b"}, []string{info[len(info)-1].GetLabel()[0].GetValue(), info[len(info)-1].GetLabel()[1].GetValue(), info[len(info)-1].GetLabel()[2].GetValue()})
		for range 3 {
			<-done
		}
		assert.Less(t, first[2], 100*time.Millisecond, "it needs no slot")
		assert.Greater(t, first[1], 500*time.Millisecond, "it waits until a has ended")
	})
}

func TestAdapters_comeAndGo(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: plain(), RuntimeAdapters: true})
	assert.Equal(t, 404, ask(s, "/v1/completions", body{"model": "sql", "prompt": "a"}).Code)
	assert.Equal(t, 400, ask(s, "/v1/load_lora_adapter", body{"lora_name": "sql"}).Code)
	loaded := ask(s, "/v1/load_lora_adapter", body{"lora_name": "sql", "lora_path": "/sql"})
	assert.Equal(t, "Success: LoRA adapter 'sql' added successfully.", loaded.Body.String())
	assert.Equal(t, 400, ask(s, "/v1/load_lora_adapter", body{"lora_name": "sql", "lora_path": "/sql"}).Code)
	assert.Contains(t, get(s, "/v1/models").Body.String(), `"parent":"plain"`)
	assert.Contains(t, ask(s, "/v1/completions", body{"model": "sql", "prompt": "a", "max_tokens": 1}).Body.String(), `"model":"sql"`)
	assert.Equal(t, 200, ask(s, "/v1/unload_lora_adapter", body{"lora_name": "sql"}).Code)
	assert.Equal(t, 404, ask(s, "/v1/unload_lora_adapter", body{"lora_name": "sql"}).Code)
}

func TestPriority_mostUrgentFirst(t *testing.T) {
	p := plain()
	p.MaxSeqs = 1
	for _, priority := range []bool{false, true} {
		bubble(t, mockvllm.Config{Profile: p, Priority: priority}, func(t *testing.T, s *mockvllm.Server) {
			go ask(s, "/v1/completions", completion(ids(32, 0), 20)) // holds the only place
			first := make([]time.Duration, 2)
			done := make(chan bool)
			begun := time.Now()
			for i := range first {
				go func() {
					time.Sleep(time.Duration(10*i+10) * time.Millisecond)
					a := ask(s, "/v1/completions", with(completion(ids(32, i+1), 5), body{"priority": 5 - i}))
					first[i] = a.asked.Sub(begun) + a.tokens()[0]
					done <- true
				}()
			}
			<-done
			<-done
			assert.Equal(t, priority, first[1] < first[0], "priority %v: %v", priority, first)
		})
	}
}

func TestPriority_leastUrgentIsPreempted(t *testing.T) {
	p := plain()
	p.Blocks = 24 // 23 blocks of 16 tokens for 2 × (64 + 150) tokens
	told := make(chan mockvllm.Truth, 2)
	bubble(t, mockvllm.Config{Profile: p, Priority: true, Truth: func(tr mockvllm.Truth) { told <- tr }}, func(t *testing.T, s *mockvllm.Server) {
		done := make(chan bool)
		for i, priority := range []int{9, 1} { // the first to come is the least urgent
			go func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				ask(s, "/v1/completions", with(completion(ids(64, i), 150), body{"priority": priority, "request_id": []string{"late", "urgent"}[i]}))
				done <- true
			}()
		}
		<-done
		<-done
	})
	urgent, late := <-told, <-told
	assert.Equal(t, "cmpl-urgent", urgent.ID)
	assert.Zero(t, urgent.Preemptions)
	assert.Positive(t, late.Preemptions)
}

func TestSpeculation_tokensComeInBursts(t *testing.T) {
	config := mockvllm.Config{Profile: plain(), Draft: mockvllm.Draft{Tokens: 3, Acceptance: .6}}
	bubble(t, config, func(t *testing.T, s *mockvllm.Server) {
		together(s, 50, func(i int) body { return completion(ids(32, i), 200) })
		m := scrape(t, s)
		drafts := m.value("vllm:spec_decode_num_drafts_total")
		accepted := m.value("vllm:spec_decode_num_accepted_tokens_total")
		assert.EqualValues(t, 3*drafts, m.value("vllm:spec_decode_num_draft_tokens_total"))
		// A draft of three is right in its first place with 0.6, in its second with 0.36 …
		assert.InEpsilon(t, .6+.36+.216, accepted/drafts, .05)
		assert.EqualValues(t, 50*200, m.value("vllm:generation_tokens_total"))
		steps := m["vllm:inter_token_latency_seconds"].GetMetric()[0].GetHistogram().GetSampleCount()
		assert.EqualValues(t, drafts, steps, "one sample for each step, not each token")
		assert.Zero(t, m.value("vllm:kv_cache_usage_perc"))
	})
}

func TestAnswer_endsAtAStopString(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain(), Seed: 3}, func(t *testing.T, s *mockvllm.Server) {
		text := func(more body) (string, any, any) {
			b := with(body{"prompt": "a", "max_tokens": 400, "ignore_eos": true, "request_id": "x"}, more)
			var whole struct {
				Choices []struct {
					Text   string
					Finish string `json:"finish_reason"`
					Stop   any    `json:"stop_reason"`
				}
			}
			decode(t, ask(s, "/v1/completions", b), &whole)
			return whole.Choices[0].Text, whole.Choices[0].Finish, whole.Choices[0].Stop
		}
		got, finish, stop := text(body{"stop": []string{" never said", " find"}})
		assert.Equal(t, []any{"stop", " find"}, []any{finish, stop})
		assert.NotContains(t, got, " find")
		got, _, _ = text(body{"stop": " find", "include_stop_str_in_output": true})
		assert.True(t, strings.HasSuffix(got, " find"), got)
		_, finish, stop = text(body{"stop": "never said"})
		assert.Equal(t, []any{"length", nil}, []any{finish, stop})
	})
}

func TestAnswer_severalShareTheirPrompt(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain()}, func(t *testing.T, s *mockvllm.Server) {
		a := ask(s, "/v1/completions", with(completion(ids(100, 0), 10), body{"n": 3}))
		texts := map[float64]string{}
		for _, e := range a.events() {
			for _, c := range e["choices"].([]any) {
				choice := c.(map[string]any)
				texts[choice["index"].(float64)] += choice["text"].(string)
			}
		}
		assert.Len(t, texts, 3)
		assert.NotEqual(t, texts[0], texts[1])
		assert.EqualValues(t, 100, usageOf(a)["prompt_tokens"])
		assert.EqualValues(t, 30, usageOf(a)["completion_tokens"])
		m := scrape(t, s)
		assert.EqualValues(t, 3, m.value("vllm:request_success_total"))
		n := m["vllm:request_params_n"].GetMetric()[0].GetHistogram()
		assert.Equal(t, []float64{1, 3}, []float64{float64(n.GetSampleCount()), n.GetSampleSum()}, "one request, of three answers")
		assert.EqualValues(t, 192, m.value("vllm:prefix_cache_hits_total"), "two of three find the first's blocks in the same step")
	})
}

func TestQueue_fullOneRefuses(t *testing.T) {
	p := plain()
	p.MaxSeqs = 1
	bubble(t, mockvllm.Config{Profile: p, MaxQueuedRequests: 2}, func(t *testing.T, s *mockvllm.Server) {
		codes := make(chan int)
		for i := range 4 {
			go func() {
				time.Sleep(time.Duration(i*20) * time.Millisecond)
				codes <- ask(s, "/v1/completions", completion(ids(32, i), 50)).Code
			}()
		}
		count := map[int]int{}
		for range 4 {
			count[<-codes]++
		}
		assert.Equal(t, map[int]int{200: 2, 503: 2}, count)
	})
}

func TestSleep_answersWhenItWakes(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain(), Development: true}, func(t *testing.T, s *mockvllm.Server) {
		running := make(chan *answered)
		go func() { running <- ask(s, "/v1/completions", completion(ids(32, 0), 1000)) }()
		time.Sleep(100 * time.Millisecond)
		ask(s, "/sleep?level=2", "")
		cut := <-running
		assert.Contains(t, cut.Body.String(), `"finish_reason":"abort"`)
		assert.JSONEq(t, `{"is_sleeping":true}`, get(s, "/is_sleeping").Body.String())
		for _, state := range scrape(t, s)["vllm:engine_sleep_state"].GetMetric() {
			assert.Equal(t, state.GetLabel()[2].GetValue() == "discard_all", state.GetGauge().GetValue() == 1)
		}
		go func() { running <- ask(s, "/v1/completions", completion(ids(32, 1), 1)) }()
		time.Sleep(time.Minute)
		ask(s, "/wake_up", "")
		late := <-running
		assert.Greater(t, late.tokens()[0], time.Minute)
	})
	s := start(t, mockvllm.Config{Profile: plain()})
	assert.Equal(t, 404, ask(s, "/sleep", "").Code, "only where VLLM_SERVER_DEV_MODE is set")
}

func TestClock_scaledIsFaster(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain(), Scale: 10}, func(t *testing.T, s *mockvllm.Server) {
		a := ask(s, "/v1/completions", completion(ids(512, 0), 2))
		assert.Equal(t, (5*time.Millisecond+step(1, 0))/10+time.Microsecond, a.tokens()[0])
		assert.Equal(t, step(1, 513)/10, a.tokens()[1]-a.tokens()[0])
	})
}

func TestStream_chunksCanBeTakenTogether(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain(), StreamInterval: 4}, func(t *testing.T, s *mockvllm.Server) {
		a := ask(s, "/v1/completions", completion(ids(32, 0), 10))
		var words []int
		for _, e := range a.events() {
			if c := e["choices"].([]any); len(c) > 0 {
				words = append(words, len(strings.Fields(c[0].(map[string]any)["text"].(string))))
			}
		}
		assert.Equal(t, []int{1, 4, 4, 1}, words, "the first is never delayed")
	})
}

func TestLoad_isCounted(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain(), TrackLoad: true}, func(t *testing.T, s *mockvllm.Server) {
		ctx, leave := context.WithCancel(t.Context())
		go askContext(ctx, s, "/v1/completions", completion(ids(32, 0), 1000))
		time.Sleep(time.Second)
		assert.JSONEq(t, `{"server_load":1}`, get(s, "/load").Body.String())
		leave()
		time.Sleep(time.Second)
		assert.JSONEq(t, `{"server_load":0}`, get(s, "/load").Body.String())
	})
}

func TestRequest_keepsItsID(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: zero(), RequestIDHeader: true})
	r := httptest.NewRequest(http.MethodPost, "/v1/completions", strings.NewReader(`{"prompt":"a","max_tokens":1}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Request-Id", "mine")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	assert.Equal(t, "mine", w.Header().Get("X-Request-Id"))
	assert.Contains(t, w.Body.String(), `"id":"cmpl-mine"`)
}

func TestMetrics_RustFrontEndWritesOpenMetrics(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain(), Dialect: mockvllm.Rust}, func(t *testing.T, s *mockvllm.Server) {
		assert.NotContains(t, get(s, "/metrics").Body.String(), "prompt_tokens_total", "nothing before it was observed")
		ask(s, "/v1/completions", completion(ids(32, 0), 3))
		w := get(s, "/metrics")
		assert.Equal(t, "application/openmetrics-text; version=1.0.0; charset=utf-8", w.Header().Get("Content-Type"))
		page := w.Body.String()
		assert.Contains(t, page, "# TYPE vllm:prompt_tokens counter\nvllm:prompt_tokens_total{model_name=\"plain\",engine=\"0\"} 32\n")
		assert.NotContains(t, page, "_created")
		assert.True(t, strings.HasSuffix(page, "# EOF\n"))
		refused := ask(s, "/v1/completions", body{"prompt": "a", "max_tokens": 0}).Body.String()
		assert.Contains(t, refused, `"type":"invalid_request_error"`)
		assert.Contains(t, refused, `"code":"400"`)
	})
}
