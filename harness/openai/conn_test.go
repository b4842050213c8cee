package openai

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

// pair is a stamped connection and its other end.
func pair(t *testing.T) (near *stampedConn, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	conn, err := stamping((&net.Dialer{}).DialContext)(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	far, err = listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(); far.Close() })
	return conn.(*stampedConn), far
}

func TestTheKernelSaysWhenDataCame(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("kernel stamps are there on Linux only")
	}
	near, far := pair(t)
	_, err := far.Write([]byte("hello"))
	require.NoError(t, err)
	written := time.Now()
	const busy = 50 * time.Millisecond
	time.Sleep(busy) // the client is at something else
	buffer := make([]byte, 16)
	n, err := near.Read(buffer)
	require.NoError(t, err)
	arrived, waited := near.stamp()
	assert.Equal(t, "hello", string(buffer[:n]))
	assert.GreaterOrEqual(t, waited, busy*9/10, "that is ours")
	assert.Less(t, arrived.Sub(written), busy/2, "and not the server's")
}

func TestAStampedConnectionEndsAsAnyOther(t *testing.T) {
	near, far := pair(t)
	require.NoError(t, near.SetReadDeadline(time.Now().Add(-time.Second)))
	_, err := near.Read(make([]byte, 1))
	assert.True(t, isTimeout(err), err)
	require.NoError(t, near.SetReadDeadline(time.Time{}))
	far.Close()
	_, err = near.Read(make([]byte, 1))
	assert.EqualError(t, err, "EOF")

	near, far = pair(t)
	require.NoError(t, far.(*net.TCPConn).SetLinger(0))
	far.Close()
	_, err = near.Read(make([]byte, 1))
	assert.ErrorContains(t, err, "connection reset")
	near.Close()
	_, err = near.Read(make([]byte, 1))
	assert.ErrorIs(t, err, net.ErrClosed)
}

func TestStampsLieBelowTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Write([]byte("data: {\"choices\":[{\"text\":\"a\",\"finish_reason\":\"stop\"}]}\n\n"))
	}))
	defer server.Close()
	transport := NewTransport(nil)
	transport.TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	defer transport.CloseIdleConnections()
	client := Client{URL: server.URL, Model: "m", HTTP: &http.Client{Transport: transport}}
	for i := range 2 {
		contents := 0
		for chunk, err := range client.Ask(t.Context(), harness.Prompt{Text: "a"}) {
			require.NoError(t, err)
			if chunk.Headers {
				assert.Equal(t, i == 0, chunk.Connecting > 0, "a connection is made once")
			}
			if chunk.Content() {
				contents++
				assert.Equal(t, runtime.GOOS == "linux", chunk.Waited >= 0)
			}
		}
		assert.Equal(t, 1, contents)
	}
}

func TestOurClockStampsWhereTheKernelDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		conn, err := stamping(func(context.Context, string, string) (net.Conn, error) { return a, nil })(t.Context(), "", "")
		require.NoError(t, err)
		begin := time.Now()
		go func() {
			time.Sleep(time.Minute)
			b.Write([]byte("x"))
			b.Close()
		}()
		_, err = conn.Read(make([]byte, 1))
		require.NoError(t, err)
		arrived, waited := conn.(*stampedConn).stamp()
		assert.Equal(t, time.Minute, arrived.Sub(begin))
		assert.Equal(t, harness.Never, waited)
	})
}

// TestTheShortcutSaysWhatParsingSays feeds events that try to be taken for plain
// ones, once with the shortcut and once parsed in full.
func TestTheShortcutSaysWhatParsingSays(t *testing.T) {
	event := func(text, rest string) string {
		return `data: {"id":"a","choices":[{"index":0,"text":"` + text + `","finish_reason":` + rest + `}]}` + "\n\n"
	}
	body := event(" one", "null") + event(" two", "null") + event(" café", "null") + event("", "null") + event(`\"quoted\"`, "null") + event(`\n`, "null") +
		event(`","finish_reason":"length","x":"`, "null") + event(" three", "null") + event(" end", `"stop"`) + "data: [DONE]\n\n"
	chunks := func(body string) (out []string, finish string) {
		for chunk, err := range read(strings.NewReader(body), nil) {
			require.NoError(t, err)
			if chunk.Content() {
				out = append(out, chunk.Text)
			}
			finish += chunk.Finish
		}
		return out, finish
	}
	shortcut, why := chunks(body)
	assert.Equal(t, []string{" one", " two", " café", `"quoted"`, "\n", " three", " end"}, shortcut)
	assert.Equal(t, "stop", why)

	var parsed []string
	for one := range strings.SplitAfterSeq(body, "\n\n") { // each as if it were the first
		if one == "" || strings.Contains(one, "[DONE]") {
			continue
		}
		s := stream{data: []byte(strings.TrimPrefix(one, "data: "))}
		chunk, _, err := s.event(time.Time{}, 0)
		require.NoError(t, err)
		if chunk.Content() {
			parsed = append(parsed, chunk.Text)
		}
	}
	assert.Equal(t, parsed, shortcut)
}
