package mockvllm_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkWriters compares two ways to bring the event of each step to many
// connections, without HTTP and engine around them: a goroutine for each
// connection, woken at every step, as the mock has it; or one for each
// processor that writes to its share of the connections, one after the other.
// Nobody runs ahead: a step is over when everybody has its event.
func BenchmarkWriters(b *testing.B) {
	for _, streams := range []int{64, 1000} {
		b.Run(fmt.Sprintf("streams=%d/per-connection", streams), func(b *testing.B) { writers(b, streams, streams) })
		b.Run(fmt.Sprintf("streams=%d/per-processor", streams), func(b *testing.B) { writers(b, streams, runtime.GOMAXPROCS(0)) })
	}
}

func writers(b *testing.B, streams, goroutines int) {
	conns := pairsOf(b, streams)
	event := bytes.Repeat([]byte("x"), 230)
	wakes := make([]chan struct{}, goroutines)
	var step sync.WaitGroup
	for w := range wakes {
		wakes[w] = make(chan struct{}, 1)
		go func() {
			for range wakes[w] {
				for i := w; i < streams; i += goroutines {
					if _, err := conns[i].Write(event); err != nil {
						b.Error(err)
					}
				}
				step.Done()
			}
		}()
		defer close(wakes[w])
	}
	for b.Loop() {
		step.Add(goroutines)
		for _, wake := range wakes {
			wake <- struct{}{}
		}
		step.Wait()
	}
	b.ReportMetric(float64(b.N*streams)/b.Elapsed().Seconds(), "events/s")
}

// pairsOf are connections whose other ends are read to nowhere.
func pairsOf(b *testing.B, n int) (near []net.Conn) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer listener.Close()
	for range n {
		client, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(b, err)
		server, err := listener.Accept()
		require.NoError(b, err)
		go io.Copy(io.Discard, client)
		b.Cleanup(func() { client.Close(); server.Close() })
		near = append(near, server)
	}
	return near
}
