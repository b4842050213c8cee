package client

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// readSize is how much of a stream is read at once: some twenty events. There are
// as many such buffers as streams.
const readSize = 4 << 10

// decoded is the body of an answer without its compression. The client does not ask for
// any, but a proxy may compress all the same. An encoding that is not known is a failure.
func (e *Endpoint) decoded(got answer) (Body, error) {
	encoding := strings.ToLower(strings.TrimSpace(got.encoding()))
	switch encoding {
	case "", "identity", "none":
		return got, nil
	case "gzip", "x-gzip", "deflate":
		return &decoding{Body: got, encoding: encoding, endpoint: e}, nil
	}
	return nil, &harness.AskError{Failure: harness.Malformed, Err: fmt.Errorf("the answer is compressed (%s), which was not asked for; switch it off in the server or in the proxy before it", encoding)}
}

// A decoding body is decompressed as it comes: what a server flushes is passed on at once.
// The decompressed bytes have the same bound as an uncompressed body.
type decoding struct {
	Body
	endpoint *Endpoint
	encoding string
	left     []byte // of the piece that came last
	plain    io.Reader
	buffer   []byte
}

// Next is the next piece, decompressed.
func (d *decoding) Next() ([]byte, error) {
	if d.plain == nil {
		if err := d.open(); err != nil {
			return nil, d.wrong(err)
		}
		d.buffer = make([]byte, readSize)
	}
	for {
		n, err := d.plain.Read(d.buffer)
		if n > 0 {
			return d.buffer[:n], nil // an error comes again
		}
		if err != nil {
			return nil, d.wrong(err)
		}
	}
}

// open finds out how the body is compressed, by its first bytes: some servers call raw
// deflate what should be zlib, and some proxies decompress a body and leave its label.
func (d *decoding) open() (err error) {
	from := bufio.NewReaderSize((*raw)(d), 2*readSize)
	start, err := from.Peek(2)
	switch {
	case errors.Is(err, io.EOF):
		d.plain, err = from, nil
	case err != nil:
	case start[0] == 0x1f && start[1] == 0x8b:
		d.plain, err = gzip.NewReader(from)
	case d.encoding != "deflate" || strings.IndexByte("d:e{<\xef", start[0]) >= 0:
		d.plain = from
		return nil
	case start[0]&0x0f == 8 && (int(start[0])<<8|int(start[1]))%31 == 0:
		d.plain, err = zlib.NewReader(from)
	default:
		d.plain = flate.NewReader(from)
	}
	if err == nil {
		d.endpoint.Remark(Remark{Compresses, d.encoding})
	}
	return err
}

// wrong is the error of compressed data that is damaged. Other errors are the connection's.
func (d *decoding) wrong(err error) error {
	corrupt, isCorrupt := errors.AsType[flate.CorruptInputError](err)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the compressed answer ended in the middle")
	case isCorrupt:
		err = corrupt
	case !errors.Is(err, gzip.ErrHeader) && !errors.Is(err, gzip.ErrChecksum) && !errors.Is(err, zlib.ErrHeader) && !errors.Is(err, zlib.ErrChecksum) && !errors.Is(err, zlib.ErrDictionary):
		return err
	}
	return &harness.AskError{Failure: harness.Malformed, Err: fmt.Errorf("the answer cannot be decompressed (%s): %w", d.encoding, err)}
}

// raw reads the body as it came. A read brings what there is, and waits for no more.
type raw decoding

func (r *raw) Read(p []byte) (int, error) {
	for len(r.left) == 0 {
		piece, err := r.Body.Next()
		if err != nil {
			return 0, err
		}
		r.left = piece
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}
