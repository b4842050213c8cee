package mockvllm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// plain is a profile with round numbers, so that a test can say in its head how
// long a step takes: 10 ms, 1 ms more per sequence, 0.1 ms per 1,000 tokens of
// context, no matter how many tokens.
func plain() mockvllm.Profile {
	return mockvllm.Profile{Name: "plain", GPU: "none", A: 10, C: 1000, D: 100, Frontend: 5 * time.Millisecond,
		Blocks: 1000, MaxSeqs: 64, MaxBatchedTokens: 2048, MaxModelLen: 100_000}
}

func start(t *testing.T, c mockvllm.Config) *mockvllm.Server {
	t.Helper()
	s, err := mockvllm.New(c)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// bubble runs a test on a virtual clock, with a server that is closed in it.
func bubble(t *testing.T, c mockvllm.Config, test func(t *testing.T, s *mockvllm.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := mockvllm.New(c)
		require.NoError(t, err)
		s.Start()
		defer s.Close()
		test(t, s)
	})
}

// An answered is a response with the instant of each flush, since it was asked.
type answered struct {
	*httptest.ResponseRecorder
	asked   time.Time
	flushes []time.Duration
	lengths []int
}

func (a *answered) Flush() {
	a.flushes = append(a.flushes, time.Since(a.asked))
	a.lengths = append(a.lengths, a.Body.Len())
}

// tokens are the instants of content: the flushes after that of the headers.
func (a *answered) tokens() []time.Duration { return a.flushes[1:] }

func (a *answered) events() (out []map[string]any) {
	for line := range strings.SplitSeq(a.Body.String(), "\n") {
		data, ok := strings.CutPrefix(line, "data: ")
		var v map[string]any
		if ok && data != "[DONE]" && json.Unmarshal([]byte(data), &v) == nil {
			out = append(out, v)
		}
	}
	return out
}

func ask(s http.Handler, path string, body any) *answered {
	return askContext(context.Background(), s, path, body)
}

func askContext(ctx context.Context, s http.Handler, path string, body any) *answered {
	raw, ok := body.(string)
	if !ok {
		encoded, _ := json.Marshal(body)
		raw = string(encoded)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	a := &answered{ResponseRecorder: httptest.NewRecorder(), asked: time.Now()}
	s.ServeHTTP(a, r)
	return a
}

// ids is a prompt of n tokens that begins like no other with another salt.
func ids(n, salt int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = (1000 + salt*7919 + i*31) % 100_000
	}
	return out
}

type body map[string]any

func completion(prompt []int, tokens int) body {
	return body{"prompt": prompt, "max_tokens": tokens, "ignore_eos": true, "stream": true, "stream_options": body{"include_usage": true}}
}

// step is the formula written once more, for the profile plain.
func step(seqs, kv int) time.Duration {
	return 10*time.Millisecond + time.Duration(seqs)*time.Millisecond + time.Duration(kv)*100*time.Nanosecond
}

func TestLatency_ofOneRequestIsTheFormula(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain()}, func(t *testing.T, s *mockvllm.Server) {
		a := ask(s, "/v1/completions", completion(ids(512, 0), 4))
		at := 5*time.Millisecond + time.Microsecond + step(1, 0)
		want := []time.Duration{at}
		for generated := 1; generated < 4; generated++ {
			at += step(1, 512+generated)
			want = append(want, at)
		}
		assert.Equal(t, want, a.tokens()[:4])
	})
}

func TestProfile_publishedOnesFollowTheirFormula(t *testing.T) {
	for _, p := range mockvllm.Profiles() {
		t.Run(p.Name+" on "+p.GPU, func(t *testing.T) {
			bubble(t, mockvllm.Config{Profile: p}, func(t *testing.T, s *mockvllm.Server) {
				a := ask(s, "/v1/completions", completion(ids(512, 0), 3))
				first := p.Frontend + time.Microsecond + p.StepTime(512, 1, 0, 512*256)
				second := first + p.StepTime(1, 1, 513, 0)
				assert.Equal(t, []time.Duration{first, second}, a.tokens()[:2])
				assert.NotEmpty(t, p.Source)
			})
		})
	}
}

func TestPrefill_longPromptIsComputedInChunks(t *testing.T) {
	p := plain()
	p.B = 1 // µs per token
	bubble(t, mockvllm.Config{Profile: p}, func(t *testing.T, s *mockvllm.Server) {
		a := ask(s, "/v1/completions", completion(ids(5000, 0), 1))
		chunk := func(n int) time.Duration { return step(1, 0) + time.Duration(n)*time.Microsecond }
		want := p.Frontend + time.Microsecond + 2*chunk(2048) + chunk(5000-4096)
		assert.InDelta(t, want, a.tokens()[0], 10)
	})
}

func TestDecode_goesOnWhileALongPromptIsComputed(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain()}, func(t *testing.T, s *mockvllm.Server) {
		done := make(chan *answered)
		go func() { done <- ask(s, "/v1/completions", completion(ids(16, 1), 100)) }()
		time.Sleep(100 * time.Millisecond)
		ask(s, "/v1/completions", completion(ids(10_000, 2), 1))
		gaps := (<-done).tokens()
		for i := 1; i < 100; i++ {
			assert.Less(t, gaps[i]-gaps[i-1], 14*time.Millisecond, "token %d waited for the whole prompt", i)
		}
	})
}

func TestBatch_isFilledUpToItsPlaces(t *testing.T) {
	p := plain()
	p.MaxSeqs, p.D = 4, 0
	bubble(t, mockvllm.Config{Profile: p}, func(t *testing.T, s *mockvllm.Server) {
		answers := together(s, 6, func(i int) body { return completion(ids(32, i), 10) })
		early, late := 0, 0
		full := p.Frontend + time.Microsecond + step(4, 0)
		for _, a := range answers {
			switch first := a.tokens()[0]; first {
			case full:
				early++
			case full + 9*step(4, 0) + step(2, 0): // when the four have ended
				late++
			default:
				t.Errorf("a first token at %v", first)
			}
		}
		assert.Equal(t, []int{4, 2}, []int{early, late})
	})
}

// together asks n requests at one instant and returns the answers in order.
func together(s http.Handler, n int, of func(i int) body) []*answered {
	answers := make([]*answered, n)
	done := make(chan bool)
	for i := range n {
		go func() {
			answers[i] = ask(s, "/v1/completions", of(i))
			done <- true
		}()
	}
	for range n {
		<-done
	}
	return answers
}

func TestThroughput_saturatedIsTheFormula(t *testing.T) {
	p := plain()
	p.MaxSeqs, p.D = 8, 0
	bubble(t, mockvllm.Config{Profile: p}, func(t *testing.T, s *mockvllm.Server) {
		const n, tokens = 80, 50
		begun := time.Now()
		together(s, n, func(i int) body { return completion(ids(32, i), tokens) })
		want := n * tokens / 8 * step(8, 0)
		assert.InEpsilon(t, want, time.Since(begun), 0.01)
	})
}

func TestCache_fullOnePreemptsAndAnswersAll(t *testing.T) {
	p := plain()
	p.Blocks = 40 // 39 blocks of 16 tokens for 4 × (64 + 200) tokens
	bubble(t, mockvllm.Config{Profile: p}, func(t *testing.T, s *mockvllm.Server) {
		for _, a := range together(s, 4, func(i int) body { return completion(ids(64, i), 200) }) {
			last := a.events()[len(a.events())-1]
			assert.EqualValues(t, 200, last["usage"].(map[string]any)["completion_tokens"])
		}
		m := scrape(t, s)
		assert.Positive(t, m.value("vllm:num_preemptions_total"))
		assert.EqualValues(t, 4, m.value("vllm:request_success_total"))
		assert.Zero(t, m.value("vllm:kv_cache_usage_perc"), "everything is given back")
	})
}

func TestCache_sharedBeginningIsFound(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain(), PromptDetails: true, Development: true}, func(t *testing.T, s *mockvllm.Server) {
		prompt := ids(100, 0)
		cached := func() float64 {
			a := ask(s, "/v1/completions", completion(prompt, 2))
			usage := a.events()[len(a.events())-1]["usage"].(map[string]any)
			return usage["prompt_tokens_details"].(map[string]any)["cached_tokens"].(float64)
		}
		assert.EqualValues(t, 0, cached())
		assert.EqualValues(t, 96, cached(), "six full blocks of sixteen")
		m := scrape(t, s)
		assert.EqualValues(t, 200, m.value("vllm:prefix_cache_queries_total"))
		assert.EqualValues(t, 96, m.value("vllm:prefix_cache_hits_total"))
		ask(s, "/reset_prefix_cache", body{})
		assert.EqualValues(t, 0, cached())
	})
}

func TestClient_thatLeavesFreesItsPlace(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain()}, func(t *testing.T, s *mockvllm.Server) {
		ctx, leave := context.WithCancel(t.Context())
		go askContext(ctx, s, "/v1/completions", completion(ids(160, 0), 10_000))
		time.Sleep(time.Second)
		m := scrape(t, s)
		assert.EqualValues(t, 1, m.value("vllm:num_requests_running"))
		assert.Positive(t, m.value("vllm:kv_cache_usage_perc"))
		leave()
		time.Sleep(50 * time.Millisecond)
		m = scrape(t, s)
		assert.Zero(t, m.value("vllm:num_requests_running"))
		assert.Zero(t, m.value("vllm:kv_cache_usage_perc"))
	})
}

func TestArrival_orderWithinAnInstantDoesNotMatter(t *testing.T) {
	run := func(reverse bool) (out []string) {
		p := plain()
		p.MaxSeqs = 3
		bubble(t, mockvllm.Config{Profile: p, Seed: 5}, func(t *testing.T, s *mockvllm.Server) {
			answers := together(s, 12, func(i int) body {
				if reverse {
					i = 11 - i
				}
				return completion(ids(20+i, i), 10+i)
			})
			for i := range answers {
				if reverse {
					i = 11 - i
				}
				out = append(out, fmt.Sprint(answers[i].flushes, answers[i].Body))
			}
		})
		return out
	}
	assert.Equal(t, run(false), run(true))
}

func TestFault_freezeHoldsAllUp(t *testing.T) {
	frozen := mockvllm.Config{Profile: plain(), Faults: []mockvllm.Fault{{Kind: mockvllm.Freeze, For: 10 * time.Second, From: time.Second}}}
	bubble(t, frozen, func(t *testing.T, s *mockvllm.Server) {
		time.Sleep(4 * time.Second)
		a := ask(s, "/v1/completions", completion(ids(16, 0), 1))
		assert.Equal(t, 7*time.Second+step(1, 0), a.tokens()[0])
	})
}

func TestFault_hitsItsShareWhateverTheOrder(t *testing.T) {
	for name, c := range map[string]struct {
		fault mockvllm.Fault
		hit   func(*answered) bool
	}{
		"cut short": {mockvllm.Fault{Kind: mockvllm.Cut, Share: .2}, func(a *answered) bool { return !bytes.Contains(a.Body.Bytes(), []byte("[DONE]")) }},
		"error":     {mockvllm.Fault{Kind: mockvllm.ErrorEvent, Share: .2}, func(a *answered) bool { return bytes.Contains(a.Body.Bytes(), []byte(`data: {"error"`)) }},
		"status":    {mockvllm.Fault{Kind: mockvllm.Fail, Share: .2, Status: 503}, func(a *answered) bool { return a.Code == 503 }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, mockvllm.Config{Profile: plain(), Faults: []mockvllm.Fault{c.fault}}, func(t *testing.T, s *mockvllm.Server) {
				hits := 0
				for _, a := range together(s, 400, func(i int) body { return completion(ids(16+i%7, i), 4) }) {
					if c.hit(a) {
						hits++
					}
				}
				assert.InDelta(t, 80, hits, 32, "four standard deviations of 400 draws at 20 %")
			})
		})
	}
}

func TestTruth_isWhatTheClientSaw(t *testing.T) {
	var told []mockvllm.Truth
	config := mockvllm.Config{Profile: plain(), Truth: func(tr mockvllm.Truth) { told = append(told, tr) }}
	bubble(t, config, func(t *testing.T, s *mockvllm.Server) {
		a := ask(s, "/v1/completions", completion(ids(40, 0), 5))
		require.Len(t, told, 1)
		var seen []time.Duration
		for _, at := range told[0].Tokens {
			seen = append(seen, at.Sub(a.asked))
		}
		assert.Equal(t, a.tokens()[:5], seen)
		assert.Equal(t, a.events()[0]["id"], told[0].ID)
		assert.Equal(t, 40, told[0].PromptTokens)
		assert.True(t, told[0].Whole)
		assert.Equal(t, 5*time.Millisecond, told[0].Queued.Sub(told[0].Received), "the front end's share")

		ctx, leave := context.WithTimeout(t.Context(), 40*time.Millisecond)
		defer leave()
		askContext(ctx, s, "/v1/completions", completion(ids(40, 1), 500))
		require.Len(t, told, 2)
		assert.False(t, told[1].Whole)
		assert.Len(t, told[1].Tokens, 3)
	})
}

func TestClient_tenThousandThatLeaveLeaveNothing(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain()}, func(t *testing.T, s *mockvllm.Server) {
		done := make(chan bool)
		const n = 10_000
		for i := range n {
			go func() {
				// Some leave before they are queued, some while they wait, some in mid-answer.
				ctx, leave := context.WithTimeout(t.Context(), time.Duration(1+i%400)*time.Millisecond)
				defer leave()
				askContext(ctx, s, "/v1/completions", completion(ids(20+i%50, i), 5000))
				done <- true
			}()
		}
		for range n {
			<-done
		}
		time.Sleep(time.Second)
		m := scrape(t, s)
		for _, gauge := range []string{"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"} {
			assert.Zero(t, m.value(gauge), gauge)
		}
		ask(s, "/v1/completions", completion(ids(20, 1), 3)) // and it serves on
	}) // the bubble would not end if a goroutine were left
}
