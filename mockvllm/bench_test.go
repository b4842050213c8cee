package mockvllm_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

var (
	benchURL = flag.String("url", "", "server that the benchmarks ask instead of the mock: http://127.0.0.1:8000")
	benchPID = flag.Int("pid", 0, "process of that server, to tell its CPU time and memory")
)

// A lean client costs little beside the server: it writes one request after the
// other on one connection and counts events in what comes back.
type lean struct {
	conn    net.Conn
	request []byte
	buffer  []byte
	first   time.Time       // when the first event of the last answer came
	last    time.Time       // and the last one
	gaps    []time.Duration // between reads, where they are wanted
}

func dialLean(host, model string, tokens int) (*lean, error) {
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	body := fmt.Sprintf(`{"model":%q,"prompt":[1001,1002,1003],"max_tokens":%d,"min_tokens":%d,"ignore_eos":true,"stream":true}`, model, tokens, tokens)
	request := fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", host, len(body), body)
	return &lean{conn: conn, request: []byte(request), buffer: make([]byte, 8<<10)}, nil
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
		seen := l.buffer[:kept+n]
		if fresh := bytes.Count(seen, []byte(event)) - bytes.Count(seen[:max(0, kept)], []byte(event)); fresh > 0 {
			l.stamp(events == 0)
			events += fresh
		}
		if bytes.Contains(seen, []byte("[DONE]")) && bytes.HasSuffix(seen, []byte("0\r\n\r\n")) {
			return events - 1, nil
		}
		if bytes.HasPrefix(seen, []byte("HTTP/1.1 ")) && !bytes.HasPrefix(seen, []byte("HTTP/1.1 200")) {
			return 0, errors.New(string(seen[:min(len(seen), 300)]))
		}
		kept = copy(l.buffer, seen[max(0, len(seen)-len(end)):])
	}
}

func (l *lean) stamp(first bool) {
	now := time.Now()
	if first {
		l.first = now
	} else if l.gaps != nil {
		l.gaps = append(l.gaps, now.Sub(l.last))
	}
	l.last = now
}

// zero is a profile whose steps take no time to speak of.
func zero() mockvllm.Profile {
	return mockvllm.Profile{Name: "zero", GPU: "none", Blocks: 1 << 15, MaxSeqs: 1 << 14, MaxBatchedTokens: 1 << 17, MaxModelLen: 1 << 17}
}

// A subject is a server in a process of its own, so that what it costs can be
// told apart from what the clients cost.
type subject struct {
	host, model string
	pid         int
}

// under starts the mock's command on a profile, unless another server is to be
// measured.
func under(b *testing.B, p mockvllm.Profile) subject {
	b.Helper()
	if *benchURL != "" {
		return elsewhere(b)
	}
	dir := b.TempDir()
	binary, profile := filepath.Join(dir, "vllmspec"), filepath.Join(dir, "profile.json")
	out, err := exec.Command("go", "build", "-o", binary, "../cmd/vllmspec").CombinedOutput()
	require.NoError(b, err, "%s", out)
	raw, err := json.Marshal(p)
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(profile, raw, 0o600))
	server := exec.Command(binary, "mock", "--port", "0", "--profile", profile)
	stdout, err := server.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, server.Start())
	b.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(b, err)
	_, host, _ := strings.Cut(strings.TrimSpace(line), "http://")
	return subject{host, p.Name, server.Process.Pid}
}

func elsewhere(b *testing.B) subject {
	b.Helper()
	u, err := url.Parse(*benchURL)
	require.NoError(b, err)
	response, err := http.Get(*benchURL + "/v1/models")
	require.NoError(b, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	require.NoError(b, err)
	_, after, _ := strings.Cut(string(raw), `"id":"`)
	model, _, _ := strings.Cut(after, `"`)
	return subject{u.Host, model, *benchPID}
}

// cpu is the processor time that the server has taken, and peak the most memory
// that it had at once, in MiB; 0 where the system does not tell.
func (s subject) cpu() time.Duration {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	_, after, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (s subject) peak() float64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	_, after, _ := strings.Cut(string(raw), "VmHWM:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseFloat(fields[0], 64)
	return kib / 1024
}

// crowd is so many clients of a server.
func (s subject) crowd(b *testing.B, n, tokens int) []*lean {
	b.Helper()
	clients := make([]*lean, n)
	for i := range clients {
		var err error
		clients[i], err = dialLean(s.host, s.model, tokens)
		require.NoError(b, err)
		b.Cleanup(func() { clients[i].conn.Close() })
	}
	return clients
}

// all lets everybody ask at once and returns the events that came.
func all(b *testing.B, clients []*lean) (events int) {
	got := make([]int, len(clients))
	var done sync.WaitGroup
	for i, c := range clients {
		done.Go(func() {
			n, err := c.ask()
			if err != nil {
				b.Error(err)
			}
			got[i] = n
		})
	}
	done.Wait()
	for _, n := range got {
		events += n
	}
	return events
}

// BenchmarkEvents is how many events per second a server that takes no time
// itself can stream to so many clients at once, what an event costs it, and the
// most memory that it had. Clients and server share the machine.
func BenchmarkEvents(b *testing.B) {
	for _, streams := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			server := under(b, zero())
			clients := server.crowd(b, streams, 128)
			all(b, clients)
			events, before := 0, server.cpu()
			for b.Loop() {
				events += all(b, clients)
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64((server.cpu()-before).Microseconds())/float64(events), "µs/event")
			b.ReportMetric(server.peak(), "MiB")
		})
	}
}

// BenchmarkPacing is by how much the mean gap between tokens, from the first of
// an answer to its last, differs from the 10 ms that every step takes, and the
// gap that 99 in 100 do not exceed, on a real clock over TCP.
func BenchmarkPacing(b *testing.B) {
	for _, streams := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			const tokens = 200
			p := zero()
			p.A = 10
			clients := under(b, p).crowd(b, streams, tokens)
			for _, c := range clients {
				c.gaps = make([]time.Duration, 0, tokens)
			}
			var spent time.Duration
			for b.Loop() {
				all(b, clients)
				for _, c := range clients {
					spent += c.last.Sub(c.first)
				}
			}
			var gaps []time.Duration
			for _, c := range clients {
				gaps = append(gaps, c.gaps...)
			}
			slices.Sort(gaps)
			// The last read holds [DONE] beside the last token.
			gap := spent.Seconds() * 1000 / float64(b.N*streams*(tokens-1))
			b.ReportMetric(gap, "ms/token")
			b.ReportMetric(100*(gap/10-1), "%error")
			b.ReportMetric(gaps[len(gaps)*99/100].Seconds()*1000, "p99-ms")
		})
	}
}

// BenchmarkMemory is the most memory that a server had while so many clients
// were being answered, a token every 50 ms.
func BenchmarkMemory(b *testing.B) {
	for _, streams := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			p := zero()
			p.A, p.Blocks = 50, 30_000+8*streams // a cache as large as a real one, or as they need
			server := under(b, p)
			clients := server.crowd(b, streams, 100)
			for b.Loop() {
				all(b, clients)
			}
			b.ReportMetric(server.peak(), "MiB")
		})
	}
}
