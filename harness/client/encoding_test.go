package client

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

// chopped is a body that comes in pieces.
type chopped struct{ left [][]byte }

func (p *chopped) Next() ([]byte, error) {
	if len(p.left) == 0 {
		return nil, io.EOF
	}
	piece := p.left[0]
	p.left = p.left[1:]
	return piece, nil
}

func (p *chopped) Within(time.Duration) {}

func (p *chopped) Last() (time.Time, time.Duration) { return time.Time{}, harness.NoTime }

// encodedBody is a body that says how it is encoded.
type encodedBody struct {
	chopped
	as string
}

func (e *encodedBody) encoding() string       { return e.as }
func (e *encodedBody) headers() harness.Chunk { return harness.Chunk{} }
func (e *encodedBody) kind() string           { return "text/event-stream" }
func (e *encodedBody) location() string       { return "" }
func (e *encodedBody) Close()                 {}
func (e *encodedBody) Leave()                 {}
func (e *encodedBody) named(int) string       { return "" }

// FuzzDecoding holds the reading of compressed answers to what was compressed, wherever
// pieces end, and to a named failure or the connection's own where it is none.
func FuzzDecoding(f *testing.F) {
	f.Add([]byte("data: [DONE]\n\n"), 3, true)
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff"), 1, false)
	f.Add([]byte("x\x9c\x00"), 1, false)
	f.Fuzz(func(t *testing.T, sent []byte, step int, compressed bool) {
		step = max(1, step)
		for _, as := range []string{"gzip", "deflate"} {
			raw := sent
			if compressed {
				var into bytes.Buffer
				var w io.WriteCloser = gzip.NewWriter(&into)
				if as == "deflate" {
					w = zlib.NewWriter(&into)
				}
				w.Write(sent)
				w.Close()
				raw = into.Bytes()
			}
			from := &encodedBody{as: as}
			for rest := raw; len(rest) > 0; rest = rest[min(step, len(rest)):] {
				from.left = append(from.left, rest[:min(step, len(rest))])
			}
			body, err := new(Endpoint).decoded(from)
			require.NoError(t, err)
			var got []byte
			for err == nil {
				var piece []byte
				piece, err = body.Next()
				got = append(got, piece...)
			}
			if compressed {
				require.ErrorIs(t, err, io.EOF)
				require.Equal(t, string(sent), string(got))
			}
		}
	})
}
