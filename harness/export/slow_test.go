package export

import (
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// onePipe is a listener that hands over one connection.
type onePipe struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *onePipe) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *onePipe) Close() error   { close(l.closed); return nil }
func (l *onePipe) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7878} }

// TestPage_readerThatTakesNothingIsLetGo has connections that send or read nothing, in virtual time.
func TestPage_readerThatTakesNothingIsLetGo(t *testing.T) {
	for name, sent := range map[string]string{
		"the page is not read": "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", // it is refused in some words
		"half a head":          "GET /metrics HTTP/1.1\r\nHost:",
		"nothing":              "",
	} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			p := serve(&onePipe{conn: far, closed: make(chan struct{})}, "127.0.0.1")
			go io.WriteString(near, sent)
			time.Sleep(2 * time.Minute) // without reading
			synctest.Wait()
			near.SetReadDeadline(time.Now().Add(time.Second))
			_, err := io.Copy(io.Discard, near)
			assert.NoError(t, err, "%s: the connection is still held", name)
			near.Close()
			p.Close()
		})
	}
}

// TestPage_answersToThisMachinesNamesOnly has a site that lets its own name point here.
func TestPage_answersToThisMachinesNamesOnly(t *testing.T) {
	for host, status := range map[string]int{"localhost:9464": 200, "127.0.0.1": 200, "evil.example:9464": 403, "": 403} {
		for _, own := range []bool{true, false} {
			p := &Page{own: own, address: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9464}}
			r, w := httptest.NewRequest("GET", "/metrics", nil), httptest.NewRecorder()
			r.Host = host
			p.ServeHTTP(w, r)
			if own {
				assert.Equal(t, status, w.Code, host)
			} else {
				assert.Equal(t, 200, w.Code, "others are to read it, by whatever name: %s", host)
			}
		}
	}
}
