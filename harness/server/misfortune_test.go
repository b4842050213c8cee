package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/loopback"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// A victim is a server to which something happens.
type victim struct {
	url    string
	strike func()
	end    func()
}

// process is a mock in a process of its own.
func process(t *testing.T, fate string) victim {
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	start := func() *exec.Cmd {
		mock := exec.Command(mockProgram(t), "--port", port)
		require.NoError(t, mock.Start())
		return mock
	}
	mock := start()
	var mu sync.Mutex // the end may come while it is being restarted
	v := victim{url: "http://" + address}
	switch fate {
	case "killed":
		v.strike = func() { mock.Process.Kill() }
	case "frozen":
		v.strike = func() { mock.Process.Signal(syscall.SIGSTOP) }
	case "restarted":
		v.strike = func() {
			mu.Lock()
			defer mu.Unlock()
			mock.Process.Kill()
			mock.Wait()
			mock = start()
		}
	}
	v.end = func() {
		mu.Lock()
		defer mu.Unlock()
		mock.Process.Kill()
		mock.Wait()
	}
	return v
}

func freeAddress(t *testing.T) string {
	port, err := loopback.FreePort()
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// behind is a mock behind a proxy that cuts its connections and takes no others, or
// passes nothing on any more.
func behind(t *testing.T, fate string) victim {
	s, err := server.Mock(mockvllm.Config{Profile: mockvllm.Profiles()[0]})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{to: strings.TrimPrefix(s.URL, "http://"), deaf: make(chan struct{})}
	p.going.Go(func() { p.accept(listener) })
	v := victim{url: "http://" + listener.Addr().String(), strike: func() { close(p.deaf) }}
	if fate == "cut off" {
		v.strike = func() { listener.Close(); p.cut() }
	}
	v.end = func() { listener.Close(); p.cut(); p.going.Wait(); s.Close() }
	return v
}

type proxy struct {
	to    string
	deaf  chan struct{} // closed: nothing passes
	going sync.WaitGroup
	mu    sync.Mutex
	conns []net.Conn
	ended bool
}

func (p *proxy) accept(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, near, far)
		if p.ended {
			near.Close()
			far.Close()
		}
		p.mu.Unlock()
		p.going.Go(func() { p.pass(far, near) })
		p.going.Go(func() { p.pass(near, far) })
	}
}

// pass copies until one of them ends, and swallows everything once it is deaf.
func (p *proxy) pass(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		select {
		case <-p.deaf:
		default:
			to.Write(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for _, conn := range p.conns {
		conn.Close()
	}
}

// TestRun_endsWhateverHappensToTheServer lets something happen to the server at
// a random instant of fifty short runs, some of them at a time.
func TestRun_endsWhateverHappensToTheServer(t *testing.T) {
	mockProgram(t) // built before the clock runs
	before := goleak.IgnoreCurrent()
	fates := []string{"killed", "frozen", "restarted", "cut off", "deaf"}
	seeds := make(chan uint64)
	var runs sync.WaitGroup
	var inTime atomic.Int64
	for range 8 { // they wait most of the time
		runs.Go(func() {
			for seed := range seeds {
				fate := fates[seed%5]
				t.Run(fmt.Sprintf("%s-%d", fate, seed), func(t *testing.T) {
					if suffer(t, fate, seed) {
						inTime.Add(1)
					}
				})
			}
		})
	}
	for seed := range uint64(50) {
		seeds <- seed
	}
	close(seeds)
	runs.Wait()
	assert.GreaterOrEqual(t, inTime.Load(), int64(25), "of 50 servers most are struck while requests come")
	goleak.VerifyNone(t, before)
}

// suffer reports whether requests came after the server was struck.
func suffer(t *testing.T, fate string, seed uint64) bool {
	random := rand.New(rand.NewPCG(seed, 1))
	var v victim
	if slices.Contains([]string{"cut off", "deaf"}, fate) {
		v = behind(t, fate)
	} else {
		v = process(t, fate)
	}
	defer v.end()
	client := &openai.Client{Endpoint: client.Endpoint{URL: v.url}}
	defer client.Close()
	require.Eventually(t, func() bool { _, err := client.Preflight(t.Context()); return err == nil }, 20*time.Second, 50*time.Millisecond)
	about, err := client.Preflight(t.Context())
	require.NoError(t, err)
	client.Model = about.Model

	folder, err := store.Create(t.TempDir(), "run=x")
	require.NoError(t, err)
	scenario := harness.Scenario{Name: fate, Seed: seed, Dataset: dataset.Synthetic{Prompt: dataset.Length{Mean: 64}, Answer: dataset.Length{Mean: 16}},
		Load: harness.Open{Arrivals: arrival.Poisson{PerSecond: 40}, For: time.Second}}
	archive, err := folder.SafeArchive(scenario.Name, store.Manifest{})
	require.NoError(t, err)
	runner := harness.Runner{Client: client, Archive: archive, Grace: 500 * time.Millisecond, Precise: true,
		Samplers: []harness.Sampler{&sampler.Prometheus{URL: v.url + "/metrics", HTTP: client.HTTP(), Source: "server"}}}
	var struck atomic.Pointer[time.Time] // nil: not yet; on a busy machine that may be after the load
	strike := time.AfterFunc(time.Duration(random.Int64N(int64(800*time.Millisecond))), func() {
		v.strike()
		now := time.Now()
		struck.Store(&now)
	})
	defer strike.Stop()
	run, err := runner.Run(context.Background(), scenario)
	require.NoError(t, err)
	assert.Less(t, run.Length, 10*time.Second, "it ends by itself")

	failed, stored, after := 0, 0, 0
	for r := range run.Records {
		if at := struck.Load(); at != nil && run.Start.Add(r.Sent).After(*at) {
			after++
		}
		if stored++; r.Failed() || r.Cut() {
			failed++
			assert.NotEqual(t, harness.Malformed, r.Failure, r.Error)
		}
	}
	assert.Equal(t, run.Requests, stored)
	if fate != "restarted" && after > 0 { // that may have been over before a request came
		assert.Positive(t, failed)
	}
	if failed > 0 {
		objective, err := slo.Parse("error rate", "none")
		require.NoError(t, err)
		verdicts := slo.Judge(measure.Of(run), []harness.Objective{objective})
		assert.NotEqual(t, slo.Met, verdicts[0].Outcome)
	}
	require.NoError(t, folder.WriteJSON("run.json", store.NewManifest(folder.Run(), run)))
	require.NoError(t, folder.WriteJSON("verdicts.json", []slo.Verdict{}))
	path, err := folder.Publish()
	require.NoError(t, err)
	again, err := store.Open(path)
	require.NoError(t, err)
	assert.Len(t, slices.Collect(again.Run.Records), run.Requests)
	return after > 0
}
