package openai_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/internal/loopback"
)

func serve(t *testing.T, handler http.HandlerFunc) *openai.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := clientOf(server.URL)
	t.Cleanup(c.Close)
	return c
}

func clientOf(url string) *openai.Client {
	return &openai.Client{Endpoint: client.Endpoint{URL: url}, Model: "tiny"}
}

// stream answers with the given events.
func stream(events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for _, e := range events {
			io.WriteString(w, e)
			http.NewResponseController(w).Flush()
		}
	}
}

// follow asks and returns what came.
func follow(c *openai.Client, p harness.Prompt) (chunks []harness.Chunk, err error) {
	for chunk, e := range c.Ask(context.Background(), p) {
		if e != nil {
			return chunks, e
		}
		chunks = append(chunks, chunk)
	}
	return chunks, nil
}

var hello = harness.Prompt{Text: "Hello", MaxTokens: 4}

// The same answer in vLLM's two dialects: the Python front end's, and the Rust
// front end's, which leaves nulls out and ends lines with CRLF.
const (
	role    = `data: {"id":"c-1","model":"tiny","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	thought = `data: {"id":"c-1","model":"tiny","choices":[{"index":0,"delta":{"reasoning":"Hm"},"finish_reason":null}]}` + "\n\n"
	red     = `data: {"id":"c-1","model":"tiny","choices":[{"index":0,"delta":{"content":"Red"},"finish_reason":null,"token_ids":[7,8]}]}` + "\n\n"
	fox     = `data: {"id":"c-1","model":"tiny","choices":[{"index":0,"delta":{"content":" fox"},"finish_reason":"stop","token_ids":[9]}]}` + "\n\n"
	usage   = `data: {"id":"c-1","model":"tiny","choices":[],"usage":{"prompt_tokens":23,"total_tokens":27,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":16}}}` + "\n\n"
	done    = "data: [DONE]\n\n"
)

func TestClient_readsAChatPieceByPiece(t *testing.T) {
	chunks, err := follow(serve(t, stream(role, thought, red, fox, usage, done)), harness.Prompt{Messages: []harness.Message{{Role: "user", Content: "Hi"}}})
	require.NoError(t, err)
	require.Len(t, chunks, 6)
	assert.True(t, chunks[0].Headers)
	assert.Equal(t, 200, chunks[0].HTTPStatus)
	assert.False(t, chunks[1].Content(), "a role is no content")
	assert.Equal(t, "Hm", chunks[2].Reasoning)
	assert.Empty(t, chunks[2].Text)
	assert.Equal(t, "Red", chunks[3].Text)
	assert.Equal(t, 2, chunks[3].Tokens)
	assert.Equal(t, "stop", chunks[4].Finish)
	assert.Equal(t, &harness.Usage{PromptTokens: 23, OutputTokens: 4, CachedTokens: 16, ReasoningTokens: harness.Unreported, TotalTokens: 27}, chunks[5].Usage)
	assert.Equal(t, "c-1", chunks[5].RequestID)
}

func TestClient_readsTheOtherDialect(t *testing.T) {
	events := []string{
		"data:{\"id\":\"c-1\",\"choices\":[{\"index\":0,\"text\":\"Red\"}]}\r\n\r\n",
		": a comment\r\n\r\n",
		"event: message\r\ndata: {\"choices\":[{\"text\":\" fox\",\"finish_reason\":\"length\"}],\r\ndata: \"usage\":{\"completion_tokens\":2}}\r\n\r\n",
	}
	chunks, err := follow(serve(t, stream(events...)), hello)
	require.NoError(t, err, "no [DONE] is needed where a finish reason came")
	require.Len(t, chunks, 3)
	assert.Equal(t, "Red", chunks[1].Text)
	assert.Equal(t, harness.Unreported, chunks[1].Tokens)
	assert.Equal(t, " fox", chunks[2].Text)
	assert.Equal(t, 2, chunks[2].Usage.OutputTokens)
	assert.Equal(t, harness.Unreported, chunks[2].Usage.PromptTokens)
}

func TestFailure_everyOneHasItsName(t *testing.T) {
	port, err := loopback.FreePort()
	require.NoError(t, err)
	closed := fmt.Sprintf("http://127.0.0.1:%d", port)
	broken := func(w http.ResponseWriter, _ *http.Request) {
		stream(red)(w, nil)
		conn, _, _ := http.NewResponseController(w).Hijack()
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); io.WriteString(w, body) }
	}
	for name, c := range map[string]struct {
		client *openai.Client
		want   harness.Failure
		says   string
	}{
		"no server there":  {clientOf(closed), harness.Refused, "refused"},
		"status":           {serve(t, status(503, `{"error":{"message":"overloaded","code":503}}`)), "http 503", "overloaded"},
		"flat status":      {serve(t, status(401, `{"error":"Unauthorized"}`)), "http 401", "Unauthorized"},
		"a page":           {serve(t, status(200, "<html>")), harness.Malformed, "text/html"},
		"error in stream":  {serve(t, stream(red, `data: {"error":{"message":"engine died","code":500}}`+"\n\n", done)), harness.ErrorInStream, "engine died"},
		"no finish":        {serve(t, stream(red)), harness.CutShort, "without a finish reason"},
		"done, no finish":  {serve(t, stream(red, done)), harness.CutShort, "without a finish reason"},
		"not JSON":         {serve(t, stream("data: {oops\n\n")), harness.Malformed, "{oops"},
		"a line too long":  {serve(t, stream("data: "+strings.Repeat("x", 65<<20))), harness.Malformed, "longer than 64 MiB"},
		"connection reset": {serve(t, broken), harness.Reset, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := follow(c.client, hello)
			var asked *harness.AskError
			require.ErrorAs(t, err, &asked)
			assert.Equal(t, c.want, asked.Failure, err)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestRequest_sendsThePromptAsItIsMeant(t *testing.T) {
	var path, body atomic.Value
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		path.Store(r.URL.Path)
		body.Store(string(raw))
		stream(fox, done)(w, r)
	})
	for _, test := range []struct {
		prompt     harness.Prompt
		path, body string
	}{
		{hello, "/v1/completions", `{"max_tokens":4,"model":"tiny","prompt":"Hello","stream":true,"stream_options":{"include_usage":true}}`},
		{harness.Prompt{TokenIDs: []int{1, 2}, MaxTokens: 3, IgnoreEOS: true}, "/v1/completions",
			`{"ignore_eos":true,"max_tokens":3,"min_tokens":3,"model":"tiny","prompt":[1,2],"stream":true,"stream_options":{"include_usage":true}}`},
		{harness.Prompt{Messages: []harness.Message{{Role: "user", Content: "Hi"}}, MaxTokens: 3}, "/v1/chat/completions",
			`{"max_completion_tokens":3,"messages":[{"role":"user","content":"Hi"}],"model":"tiny","stream":true,"stream_options":{"include_usage":true}}`},
	} {
		_, err := follow(c, test.prompt)
		require.NoError(t, err)
		assert.Equal(t, test.path, path.Load())
		assert.JSONEq(t, test.body, body.Load().(string))
	}
}

func TestClient_usesConnectionsAgain(t *testing.T) {
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(stream(red, fox, usage, done))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := clientOf(server.URL)
	for range 20 {
		_, err := follow(c, hello)
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, opened.Load())
}

func TestClient_leavingTheLoopAbandonsTheRequest(t *testing.T) {
	gone := make(chan bool)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		stream(red)(w, r)
		<-r.Context().Done()
		close(gone)
	})
	for chunk, err := range c.Ask(t.Context(), hello) {
		require.NoError(t, err)
		if chunk.Content() {
			break
		}
	}
	<-gone
}

func TestChunk_isStampedWhenItArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		c := &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: slowly{red, red, fox}}}
		var stamps []time.Duration
		for chunk, err := range c.Ask(t.Context(), hello) {
			require.NoError(t, err)
			if chunk.Content() {
				stamps = append(stamps, chunk.At.Sub(begun))
				time.Sleep(300 * time.Millisecond) // a slow reader does not move the stamp of what has come
			}
		}
		assert.Equal(t, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, stamps)
	})
}

// slowly answers with one event per second.
type slowly []string

func (s slowly) RoundTrip(*http.Request) (*http.Response, error) {
	r, w := io.Pipe()
	go func() {
		for _, event := range s {
			time.Sleep(time.Second)
			io.WriteString(w, event)
		}
		w.Close()
	}()
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: r}, nil
}

func TestKey_isSentAndNeverShown(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "wrong key: "+r.Header.Get("Authorization"), http.StatusForbidden)
	})
	c.Token = credentials.Fixed("s3cret")
	_, err := follow(c, hello)
	assert.ErrorContains(t, err, "wrong key: Bearer …")
	assert.NotContains(t, err.Error(), "s3cret")
	c.URL = strings.Replace(c.URL, "http://", "http://user:s3cret@", 1)
	_, err = c.Preflight(t.Context())
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3cret")
}

func TestPreflight_saysWhatToDo(t *testing.T) {
	models := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			if r.URL.Path == "/v1/models" {
				w.WriteHeader(status)
				io.WriteString(w, body)
				return
			}
			http.Error(w, `{"error":{"message":"engine is dead"}}`, http.StatusInternalServerError)
		}
	}
	const one = `{"data":[{"id":"llama","max_model_len":4096}]}`
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		model   string
		says    string
	}{
		"401":             {models(401, "application/json", `{"error":"Unauthorized"}`), "", "set VLLM_API_KEY"},
		"404":             {models(404, "text/plain", "not found"), "", "without /v1?"},
		"a page":          {models(200, "text/html", "<!DOCTYPE html><p>Login"), "", "a web page"},
		"500":             {models(500, "text/plain", "boom"), "", "status 500: boom"},
		"something else":  {models(200, "application/json", `{"hello":1}`), "", "no list of models"},
		"no model":        {models(200, "application/json", `{"data":[]}`), "", "serves no model"},
		"another model":   {models(200, "application/json", one), "lama", `did you mean "llama"`},
		"answers nothing": {models(200, "application/json", one), "", "cannot answer a first request (http 500: engine is dead)"},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, c.handler)
			client.Model = c.model
			_, err := client.Preflight(t.Context())
			assert.ErrorContains(t, err, c.says)
		})
	}
	absent := clientOf("http://127.0.0.1:1")
	_, err := absent.Preflight(t.Context())
	assert.ErrorContains(t, err, "the server at http://127.0.0.1:1 cannot be reached: nothing listens there (connection refused)")
	assert.ErrorContains(t, err, "start it, or wait until it has loaded its model")
}

func TestPreflight_waitsNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		c := &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: never{}}}
		_, err := c.Preflight(t.Context())
		assert.ErrorContains(t, err, "did not answer within 15s")
		assert.Equal(t, 15*time.Second, time.Since(begun))
	})
}

// never answers.
type never struct{}

func (never) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestPreflight_learnsWhatIsServed(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/models":
			io.WriteString(w, `{"data":[{"id":"llama","max_model_len":4096}]}`)
		case "/version":
			io.WriteString(w, `{"version":"0.28.0"}`)
		default:
			stream(fox, done)(w, r)
		}
	})
	c.Model = ""
	server, err := c.Preflight(t.Context())
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"llama","max_model_len":4096}`, string(server.Card))
	assert.Positive(t, server.Answered)
	server.Card, server.Answered = nil, 0
	assert.Equal(t, openai.Server{Model: "llama", MaxModelLen: 4096, Version: "0.28.0", Software: servers.Unknown}, server)
}

// FuzzStream holds the reader to its promise that whatever a server sends ends
// in a whole answer or in a failure with a name.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{role + red + fox + usage + done, red, done, "data: {oops\n\n", "data:\r\n\r\n", ": x\n", "data: {\"choices\":[{}]}\n\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		c := &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: atOnce(sent)}}
		finished := false
		for chunk, err := range c.Ask(t.Context(), hello) {
			if err != nil {
				var asked *harness.AskError
				require.ErrorAs(t, err, &asked)
				require.NotEmpty(t, asked.Failure)
				return
			}
			finished = finished || chunk.Finish != ""
		}
		require.True(t, finished, "the answer ended without a finish reason and without a failure")
	})
}

type atOnce string

func (s atOnce) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(strings.NewReader(string(s)))}, nil
}

// BenchmarkStream is what the client spends on one chunk of an answer: one that
// differs from the others in its text only, as most do, and one that tells its
// tokens.
func BenchmarkStream(b *testing.B) {
	plain := strings.ReplaceAll(red, "[7,8]", "null")
	for name, event := range map[string]string{"plain": plain, "token-ids": red} {
		b.Run(name, func(b *testing.B) {
			const chunks = 1000
			body := strings.Repeat(event, chunks) + fox + usage + done
			c := &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: atOnce(body)}}
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				n := 0
				for chunk, err := range c.Ask(b.Context(), hello) {
					if err != nil {
						b.Fatal(err)
					}
					if chunk.Content() {
						n++
					}
				}
				if n != chunks+1 {
					b.Fatal(fmt.Sprint(n, " chunks"))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/chunks, "ns/chunk")
		})
	}
}
