package mockvllm_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

var benchURL = flag.String("url", "", "server that the benchmarks ask instead of the mock: http://127.0.0.1:8000")

// A lean client costs little beside the server: it writes one request after the
// other on one connection and counts events in what comes back.
type lean struct {
	conn    net.Conn
	request []byte
	buffer  []byte
	first   time.Time // when the first event of the last answer came
}

func dialLean(host, model string, tokens int) (*lean, error) {
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	body := fmt.Sprintf(`{"model":%q,"prompt":[1001,1002,1003],"max_tokens":%d,"min_tokens":%d,"ignore_eos":true,"stream":true}`, model, tokens, tokens)
	request := fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", host, len(body), body)
	return &lean{conn: conn, request: []byte(request), buffer: make([]byte, 64<<10)}, nil
}

// ask asks once and returns how many events came.
func (l *lean) ask() (events int, err error) {
	if _, err := l.conn.Write(l.request); err != nil {
		return 0, err
	}
	const event, end = "data: ", "[DONE]\n\n\r\n0\r\n\r\n"
	kept := 0 // of the read before: what may be the beginning of something
	for {
		n, err := l.conn.Read(l.buffer[kept:])
		if err != nil {
			return events, err
		}
		if events == 0 {
			l.first = time.Now()
		}
		seen := l.buffer[:kept+n]
		events += bytes.Count(seen, []byte(event)) - bytes.Count(seen[:max(0, kept)], []byte(event))
		if bytes.Contains(seen, []byte("[DONE]")) && bytes.HasSuffix(seen, []byte("0\r\n\r\n")) {
			return events - 1, nil
		}
		if bytes.HasPrefix(seen, []byte("HTTP/1.1 ")) && !bytes.HasPrefix(seen, []byte("HTTP/1.1 200")) {
			return 0, errors.New(string(seen[:min(len(seen), 300)]))
		}
		kept = copy(l.buffer, seen[max(0, len(seen)-len(end)):])
	}
}

// zero is a profile whose steps take no time to speak of.
func zero() mockvllm.Profile {
	return mockvllm.Profile{Name: "zero", GPU: "none", Blocks: 1 << 18, MaxSeqs: 1 << 14, MaxBatchedTokens: 1 << 17, MaxModelLen: 1 << 17}
}

// under serves a profile over TCP, unless another server is to be measured.
func under(b *testing.B, p mockvllm.Profile) (host, model string) {
	b.Helper()
	if *benchURL != "" {
		u, err := url.Parse(*benchURL)
		require.NoError(b, err)
		response, err := http.Get(*benchURL + "/v1/models")
		require.NoError(b, err)
		defer response.Body.Close()
		raw, err := io.ReadAll(response.Body)
		require.NoError(b, err)
		_, after, _ := strings.Cut(string(raw), `"id":"`)
		model, _, _ = strings.Cut(after, `"`)
		return u.Host, model
	}
	s, err := mockvllm.New(mockvllm.Config{Profile: p})
	require.NoError(b, err)
	s.Start()
	server := httptest.NewServer(s)
	b.Cleanup(func() { server.Close(); s.Close() })
	return strings.TrimPrefix(server.URL, "http://"), p.Name
}

// BenchmarkEvents is how many events per second a server that takes no time
// itself can stream to so many clients at once. Client and server share the
// machine.
func BenchmarkEvents(b *testing.B) {
	for _, streams := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			const tokens = 128
			host, model := under(b, zero())
			clients := make([]*lean, streams)
			for i := range clients {
				var err error
				clients[i], err = dialLean(host, model, tokens)
				require.NoError(b, err)
				defer clients[i].conn.Close()
			}
			events := 0
			for b.Loop() {
				var all sync.WaitGroup
				got := make([]int, streams)
				for i, c := range clients {
					all.Go(func() {
						n, err := c.ask()
						if err != nil {
							b.Error(err)
						}
						got[i] = n
					})
				}
				all.Wait()
				for _, n := range got {
					events += n
				}
			}
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(memory.HeapInuse+memory.StackInuse)/(1<<20), "MiB")
		})
	}
}

// BenchmarkPacing is by how much the mean gap between tokens, from the first of
// an answer to its last, differs from the 10 ms that every step takes, on a real
// clock over TCP.
func BenchmarkPacing(b *testing.B) {
	for _, streams := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			const tokens = 200
			p := zero()
			p.A = 10
			host, model := under(b, p)
			clients := make([]*lean, streams)
			for i := range clients {
				var err error
				clients[i], err = dialLean(host, model, tokens)
				require.NoError(b, err)
				defer clients[i].conn.Close()
			}
			var spent atomic.Int64
			for b.Loop() {
				var all sync.WaitGroup
				for _, c := range clients {
					all.Go(func() {
						if _, err := c.ask(); err != nil {
							b.Error(err)
						}
						spent.Add(int64(time.Since(c.first)))
					})
				}
				all.Wait()
			}
			gap := float64(spent.Load()) / 1e6 / float64(b.N*streams*(tokens-1))
			b.ReportMetric(gap, "ms/token")
			b.ReportMetric(100*(gap/10-1), "%error")
		})
	}
}
