package openai_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// A raw answer is what a server writes, byte by byte, and what it does then.
type rawAnswer struct {
	pieces []string // one write each
	then   ending
	clear  bool // HTTP/1.1 in chunks is written around the pieces where it is false
	head   string
	status string
}

type ending int

const (
	ends      ending = iota // as HTTP ends an answer
	staysOpen               // the connection, without an end of the answer
	closes                  // the connection, without an end of the answer
	resets                  // the connection
)

// bytes are what is written, piece by piece.
func (r rawAnswer) bytes() (pieces []string) {
	if r.clear {
		return r.pieces
	}
	status, head := r.status, r.head
	if status == "" {
		status = "200 OK"
	}
	if !strings.Contains(head, "Content-Type:") {
		head += "Content-Type: text/event-stream\r\n"
	}
	head = strings.ReplaceAll(head, "Content-Type: -\r\n", "")
	pieces = append(pieces, "HTTP/1.1 "+status+"\r\nTransfer-Encoding: chunked\r\n"+head+"\r\n")
	for _, piece := range r.pieces {
		if piece != "" {
			pieces = append(pieces, fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece))
		}
	}
	if r.then == ends {
		pieces = append(pieces, "0\r\n\r\n")
	}
	return pieces
}

// write writes the answer to a connection; it reports whether that can be used again.
func (r rawAnswer) write(conn net.Conn, gone <-chan struct{}) (again bool) {
	for _, piece := range r.bytes() {
		if _, err := io.WriteString(conn, piece); err != nil {
			return false
		}
		time.Sleep(r.pause())
	}
	switch r.then {
	case ends:
		return !r.clear
	case staysOpen:
		<-gone
	case resets:
		time.Sleep(20 * time.Millisecond) // what was sent is read first
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
	}
	return false
}

// pause is so short that it matters to nothing, and lets the pieces come apart.
func (r rawAnswer) pause() time.Duration {
	if len(r.pieces) > 1 && len(r.pieces) < 50 {
		return time.Millisecond
	}
	return 0
}

// answering is a server that answers the n-th path, /case/n/…, with the n-th answer.
func answeringRaw(t *testing.T, answers []rawAnswer) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	gone := make(chan struct{})
	t.Cleanup(func() { close(gone); listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for from := bufio.NewReader(conn); ; {
					request, err := http.ReadRequest(from)
					if err != nil {
						return
					}
					io.Copy(io.Discard, request.Body)
					var n int
					if _, err := fmt.Sscanf(request.URL.Path, "/case/%d/", &n); err != nil || n >= len(answers) || !answers[n].write(conn, gone) {
						return
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// An outcome is what is made of an answer.
type outcome struct {
	text, finish string
	output       int // tokens, by usage
	failure      harness.Failure
	says         string
}

func outcomeOf(c *openai.Client, p harness.Prompt) (o outcome) {
	chunks, err := follow(c, p)
	o.output = harness.Unreported
	for _, chunk := range chunks {
		o.text += chunk.Text
		if chunk.Finish != "" {
			o.finish = chunk.Finish
		}
		if chunk.Usage != nil {
			o.output = chunk.Usage.OutputTokens
		}
	}
	if asked, ok := err.(*harness.AskError); ok {
		o.failure, o.says = asked.Failure, asked.Err.Error()
	}
	return o
}

var chat = harness.Prompt{Messages: []harness.Message{{Role: "user", Content: "Hi"}}}

// Events of a chat, without the line ends that set them apart.
const (
	eRole   = `{"id":"c-1","model":"tiny","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`
	eRed    = `{"id":"c-1","model":"tiny","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"content":"Red"},"finish_reason":null}]}`
	eFox    = `{"id":"c-1","model":"tiny","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"content":" fox"},"finish_reason":null}]}`
	eFinish = `{"id":"c-1","model":"tiny","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	eUsage  = `{"id":"c-1","model":"tiny","object":"chat.completion.chunk","created":1,"choices":[],"usage":{"prompt_tokens":23,"total_tokens":25,"completion_tokens":2}}`
)

func lined(events ...string) (s string) {
	for _, event := range events {
		s += "data: " + event + "\n\n"
	}
	return s
}

// The whole of an answer, and parts of it.
var (
	sText  = lined(eRole, eRed, eFox)
	sBody  = lined(eRole, eRed, eFox, eFinish, eUsage)
	sWhole = sBody + "data: [DONE]\n\n"
	good   = outcome{text: "Red fox", finish: "stop", output: 2}
	noUse  = outcome{text: "Red fox", finish: "stop", output: harness.Unreported}
)

func failing(text string, kind harness.Failure, says string) outcome {
	return outcome{text: text, failure: kind, says: says, output: harness.Unreported}
}

// A situation is a kind of server that there is, and what is made of its answers.
type situation struct {
	kind, name string
	answer     rawAnswer
	want       outcome
	remark     string // a part of it; "": none
}

// eitherWay is that there may be a remark or none.
const eitherWay = "*"

func zipped(as string, flushed bool, pieces ...string) (out []string) {
	var buffer bytes.Buffer
	var w interface {
		io.WriteCloser
		Flush() error
	}
	switch as {
	case "gzip":
		w = gzip.NewWriter(&buffer)
	case "zlib":
		w = zlib.NewWriter(&buffer)
	default:
		w, _ = flate.NewWriter(&buffer, 6)
	}
	for i, piece := range pieces {
		io.WriteString(w, piece)
		if i == len(pieces)-1 && !flushed {
			w.Close()
		} else {
			w.Flush()
		}
		out = append(out, buffer.String())
		buffer.Reset()
	}
	return out
}

func one(s string) rawAnswer { return rawAnswer{pieces: []string{s}} }
func typed(kind, s string) rawAnswer {
	return rawAnswer{pieces: []string{s}, head: "Content-Type: " + kind + "\r\n"}
}
func then(s string, what ending) rawAnswer { return rawAnswer{pieces: []string{s}, then: what} }
func encoded(as string, pieces ...string) rawAnswer {
	return rawAnswer{pieces: pieces, head: "Content-Encoding: " + as + "\r\n"}
}

// TestClient_readsServersAsTheyAre shows, with -v, what is made of the answers that servers and
// proxies give.
func TestClient_readsServersAsTheyAre(t *testing.T) {
	all := situations()
	answers := make([]rawAnswer, len(all))
	for i, s := range all {
		answers[i] = s.answer
	}
	url := answeringRaw(t, answers)
	for i, s := range all {
		t.Run(s.kind+"/"+s.name, func(t *testing.T) {
			s.check(t, clientOf(fmt.Sprintf("%s/case/%d", url, i)))
			other := clientOf(fmt.Sprintf("%s/case/%d", url, i))
			other.Transport = &http.Transport{DisableCompression: true, DisableKeepAlives: true}
			if s.want.failure == harness.Reset && !strings.HasPrefix(s.kind, "enc") {
				s.want.says = "" // net/http has words of its own for that
			}
			s.check(t, other)
		})
	}
}

func (s situation) check(t *testing.T, c *openai.Client) {
	t.Helper()
	defer c.Close()
	got := outcomeOf(c, chat)
	remarks := strings.Join(c.Remarks(), "; ")
	if c.Transport == nil {
		t.Logf("%s", cmpOr(got.says, fmt.Sprintf("%.30q, %s, %d tokens", got.text, got.finish, got.output)))
		if remarks != "" {
			t.Logf("remark: %s", remarks)
		}
	}
	assert.Contains(t, got.says, s.want.says)
	got.says, s.want.says = "", ""
	assert.Equal(t, s.want, got)
	switch s.remark {
	case eitherWay:
	case "":
		assert.Empty(t, remarks)
	default:
		assert.Contains(t, remarks, s.remark)
	}
}

func cmpOr(kind, other string) string {
	if kind == "" {
		return "whole: " + other
	}
	return "failed: " + kind
}
