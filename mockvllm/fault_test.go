package mockvllm_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

func decode(t *testing.T, a *answered, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.Body.Bytes(), into), a.Body.String())
}

func faulty(t *testing.T, text string) mockvllm.Config {
	t.Helper()
	f, err := mockvllm.ParseFault(text)
	require.NoError(t, err)
	return mockvllm.Config{Profile: plain(), Faults: []mockvllm.Fault{f}}
}

func TestFault_isWrittenAsItIsRead(t *testing.T) {
	for _, text := range []string{"freeze from=1m0s for=10s", "status status=503 retry-after=2s share=0.05 model=m header=X-User:a path=/v1/completions",
		"stall", "stall delay=10s every=10", "shrink blocks=100 from=5s", "slow factor=2", "bundle tokens=4 first=3"} {
		f, err := mockvllm.ParseFault(text)
		require.NoError(t, err)
		assert.Equal(t, text, f.String())
	}
	for text, says := range map[string]string{
		"":                            "begins with its kind",
		"frezze for=1s":               `did you mean "freeze"`,
		"stall share":                 "key=value",
		"stall shar=5%":               `did you mean "share"`,
		"stall share=0":               "hits no request",
		"stall share=200%":            "between 0 and 1",
		"stall share=x":               "a share such as 5%",
		"delay delay=5":               "a time such as 10s",
		"delay":                       "delay needs delay=",
		"status status=200":           "is no error",
		"freeze for=1s share=5%":      "it hits all requests",
		"refuse delay=1s":             "refuse takes no delay",
		"status status=503 header=X":  "a name and a value",
		"freeze":                      "freeze needs for=",
		"slow factor=-1":              "cannot be negative",
		"shrink blocks=1":             "at least 2 blocks",
		"slow factor=2 for=-1s":       "times cannot be negative",
		"bundle tokens=two":           "a whole number",
		"metrics-slow delay=1s for=x": "a time such as 10s",
	} {
		_, err := mockvllm.ParseFault(text)
		assert.ErrorContains(t, err, says, text)
	}
}

func TestFault_hitsTheRequestsItIsMeantFor(t *testing.T) {
	codes := func(t *testing.T, fault string, n int, of func(i int) body) (codes []int) {
		c := faulty(t, fault)
		c.Names = []string{"m", "other"}
		bubble(t, c, func(t *testing.T, s *mockvllm.Server) {
			for i := range n {
				codes = append(codes, ask(s, "/v1/completions", of(i)).Code)
				time.Sleep(time.Second)
			}
		})
		return codes
	}
	plainly := func(i int) body { return completion(ids(16, i), 1) }
	assert.Equal(t, []int{503, 503, 200, 200}, codes(t, "status status=503 first=2", 4, plainly))
	assert.Equal(t, []int{200, 200, 503, 200, 200, 503}, codes(t, "status status=503 every=3", 6, plainly))
	assert.Equal(t, []int{200, 200, 503, 503, 200}, codes(t, "status status=503 from=1500ms for=2s", 5, plainly))
	assert.Equal(t, []int{200, 503, 200}, codes(t, "status status=503 model=other", 3, func(i int) body {
		return with(plainly(i), body{"model": []string{"m", "other", "m"}[i]})
	}))
	assert.Equal(t, []int{200}, codes(t, "status status=503 path=/v1/chat/completions", 1, plainly))
}

func TestFault_refusalSaysWhenToComeBack(t *testing.T) {
	bubble(t, faulty(t, "status status=429 retry-after=7s header=X-User:a"), func(t *testing.T, s *mockvllm.Server) {
		r := httptest.NewRequest(http.MethodPost, "/v1/completions", strings.NewReader(`{"prompt":"a"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-User", "a")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		assert.Equal(t, []any{429, "7"}, []any{w.Code, w.Header().Get("Retry-After")})
		assert.Contains(t, w.Body.String(), `"type":"Too Many Requests"`)
		assert.Equal(t, 200, ask(s, "/v1/completions", completion(ids(16, 0), 1)).Code, "another user")
	})
}

func TestFault_waitsAreAsLongAsTheyShallBe(t *testing.T) {
	normal := 5*time.Millisecond + time.Microsecond + step(1, 0)
	for fault, want := range map[string]struct{ headers, first time.Duration }{
		"slow-headers delay=2s": {2 * time.Second, 2*time.Second + normal},
		"delay delay=2s":        {0, 2*time.Second + 5*time.Millisecond},
		"front-end delay=2s":    {0, 2*time.Second + normal},
		"cold delay=3s":         {0, 3*time.Second + normal},
		"slow factor=3":         {0, 5*time.Millisecond + time.Microsecond + 3*step(1, 0)},
	} {
		bubble(t, faulty(t, fault), func(t *testing.T, s *mockvllm.Server) {
			a := ask(s, "/v1/completions", completion(ids(32, 0), 3))
			assert.Equal(t, want.headers, a.flushes[0], fault)
			assert.Equal(t, want.first, a.tokens()[0], fault)
		})
	}
	bubble(t, faulty(t, "stall delay=5s"), func(t *testing.T, s *mockvllm.Server) {
		gaps := ask(s, "/v1/completions", completion(ids(32, 0), 10)).tokens()
		assert.Greater(t, gaps[5]-gaps[4], 4*time.Second, "in the middle of ten tokens")
	})
	for _, fault := range []string{"hang", "stall"} {
		bubble(t, faulty(t, fault), func(t *testing.T, s *mockvllm.Server) {
			ctx, leave := context.WithTimeout(t.Context(), time.Hour)
			defer leave()
			a := askContext(ctx, s, "/v1/completions", completion(ids(32, 0), 10))
			assert.Equal(t, time.Hour, time.Since(a.asked), "%s: only the client ends it", fault)
			time.Sleep(time.Second)
			assert.Zero(t, scrape(t, s).value("vllm:num_requests_running"))
		})
	}
}

func TestFault_answersAreBrokenAsTheyShallBe(t *testing.T) {
	for fault, broken := range map[string]func(t *testing.T, a *answered){
		"garble": func(t *testing.T, a *answered) {
			invalid := 0
			for line := range strings.SplitSeq(a.Body.String(), "\n") {
				if data, ok := strings.CutPrefix(line, "data: "); ok && data != "[DONE]" && !json.Valid([]byte(data)) {
					invalid++
				}
			}
			assert.Equal(t, 1, invalid)
			assert.Contains(t, a.Body.String(), "[DONE]", "it goes on after it")
		},
		"bundle tokens=4": func(t *testing.T, a *answered) { assert.Len(t, a.events(), 3+1) },
		"no-usage":        func(t *testing.T, a *answered) { assert.NotContains(t, a.Body.String(), "usage") },
		"wrong-usage factor=2": func(t *testing.T, a *answered) {
			assert.EqualValues(t, 24, usageOf(a)["completion_tokens"])
		},
		"split": func(t *testing.T, a *answered) {
			var cuts, within int
			for _, n := range a.lengths {
				if text := a.Body.Bytes()[:n]; !strings.HasSuffix(string(text), "\n\n") {
					cuts++
					if r, _ := utf8.DecodeLastRune(text); r == utf8.RuneError {
						within++
					}
				}
			}
			assert.Greater(t, cuts, 10)
			assert.Positive(t, within, "some through a character")
			assert.Len(t, a.events(), 13, "and together they are whole")
		},
		"cut":         func(t *testing.T, a *answered) { assert.NotContains(t, a.Body.String(), "[DONE]") },
		"error-event": func(t *testing.T, a *answered) { assert.Contains(t, a.Body.String(), `data: {"error"`) },
	} {
		t.Run(fault, func(t *testing.T) {
			c := faulty(t, fault)
			c.Seed = 4 // there is a café among the words
			bubble(t, c, func(t *testing.T, s *mockvllm.Server) {
				broken(t, ask(s, "/v1/completions", completion(ids(32, 0), 12)))
			})
		})
	}
}

func TestFault_connectionIsClosedOrReset(t *testing.T) {
	for fault, want := range map[string]error{"refuse": io.EOF, "reset": syscall.ECONNRESET, "tear": syscall.ECONNRESET, "cut": nil} {
		t.Run(fault, func(t *testing.T) {
			c := faulty(t, fault)
			c.Profile = zero()
			server := httptest.NewServer(start(t, c))
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			request := `{"prompt":"a","max_tokens":10,"ignore_eos":true,"stream":true}`
			_, err = io.WriteString(conn, fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(request), request))
			require.NoError(t, err)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err == nil {
				_, err = io.Copy(io.Discard, response.Body)
			}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			assert.ErrorIs(t, err, want)
		})
	}
}

func TestFault_deadEngineIsDead(t *testing.T) {
	bubble(t, faulty(t, "dead from=1s for=10s"), func(t *testing.T, s *mockvllm.Server) {
		running := make(chan *answered)
		go func() { running <- ask(s, "/v1/completions", completion(ids(32, 0), 1000)) }()
		assert.Equal(t, 200, get(s, "/health").Code)
		time.Sleep(2 * time.Second)
		assert.Contains(t, (<-running).Body.String(), `"type":"InternalServerError"`)
		assert.Equal(t, 503, get(s, "/health").Code)
		assert.Equal(t, 500, ask(s, "/v1/completions", completion(ids(32, 1), 1)).Code)
		time.Sleep(10 * time.Second)
		assert.Equal(t, 200, ask(s, "/v1/completions", completion(ids(32, 1), 1)).Code)
	})
}

func TestFault_cacheThatShrinksPreempts(t *testing.T) {
	bubble(t, faulty(t, "shrink blocks=20 from=300ms for=10s"), func(t *testing.T, s *mockvllm.Server) {
		for _, a := range together(s, 4, func(i int) body { return completion(ids(64, i), 100) }) {
			assert.EqualValues(t, 100, usageOf(a)["completion_tokens"], "all are answered in the end")
		}
		m := scrape(t, s)
		assert.Positive(t, m.value("vllm:num_preemptions_total"))
		assert.Zero(t, m.value("vllm:kv_cache_usage_perc"))
	})
	bubble(t, faulty(t, "shrink blocks=3 for=10s"), func(t *testing.T, s *mockvllm.Server) {
		a := ask(s, "/v1/completions", completion(ids(64, 0), 1))
		assert.Greater(t, a.tokens()[0], 9*time.Second, "nothing fits until the cache is back")
	})
}

func TestFault_metricsGoWrong(t *testing.T) {
	generated := func(t *testing.T, s *mockvllm.Server) float64 {
		ask(s, "/v1/completions", completion(ids(32, 0), 10))
		return scrape(t, s).value("vllm:generation_tokens_total")
	}
	bubble(t, faulty(t, "metrics-missing for=1m"), func(t *testing.T, s *mockvllm.Server) {
		assert.Equal(t, 404, get(s, "/metrics").Code)
		time.Sleep(time.Minute)
		assert.Equal(t, 200, get(s, "/metrics").Code)
	})
	bubble(t, faulty(t, "metrics-slow delay=20s"), func(t *testing.T, s *mockvllm.Server) {
		begun := time.Now()
		get(s, "/metrics")
		assert.Equal(t, 20*time.Second, time.Since(begun))
	})
	bubble(t, faulty(t, "metrics-stale from=1s for=1m"), func(t *testing.T, s *mockvllm.Server) {
		assert.EqualValues(t, 10, generated(t, s))
		time.Sleep(2 * time.Second)
		assert.EqualValues(t, 20, generated(t, s))
		assert.EqualValues(t, 20, generated(t, s))
		time.Sleep(time.Minute)
		assert.EqualValues(t, 40, generated(t, s))
	})
	bubble(t, faulty(t, "metrics-reset from=1m"), func(t *testing.T, s *mockvllm.Server) {
		assert.EqualValues(t, 10, generated(t, s))
		created := scrape(t, s).value("vllm:generation_tokens_created")
		time.Sleep(time.Minute)
		assert.EqualValues(t, 0, scrape(t, s).value("vllm:generation_tokens_total"))
		assert.EqualValues(t, 10, generated(t, s))
		assert.InDelta(t, created+60, scrape(t, s).value("vllm:generation_tokens_created"), 1)
	})
}

func TestFault_changesWhileTheServerRuns(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain()}, func(t *testing.T, s *mockvllm.Server) {
		admin := func(method, text string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest(method, "/admin/faults", strings.NewReader(text)))
			return w
		}
		code := func() int { return ask(s, "/v1/completions", completion(ids(16, 0), 1)).Code }
		assert.Equal(t, 200, code())
		time.Sleep(time.Hour)
		w := admin(http.MethodPost, "status status=503 for=10s # a comment\n\nslow factor=2\n")
		assert.Equal(t, "status status=503 for=10s # 0 requests\nslow factor=2\n", w.Body.String())
		assert.Equal(t, 503, code(), "the window counts from now")
		assert.Contains(t, admin(http.MethodGet, "").Body.String(), "# 1 requests")
		time.Sleep(10 * time.Second)
		assert.Equal(t, 200, code())
		w = admin(http.MethodPost, "slow factor=2\nstal")
		assert.Equal(t, 400, w.Code)
		assert.Contains(t, w.Body.String(), `did you mean`)
		assert.Equal(t, 200, admin(http.MethodDelete, "").Code)
		assert.Empty(t, admin(http.MethodGet, "").Body.String())
	})
}
