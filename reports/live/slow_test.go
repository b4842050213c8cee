package live

import (
	"fmt"
	"io"
	"net"
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

// TestServer_letsViewersGoThatTakeNothing has connections that send or read nothing, in virtual time.
func TestServer_letsViewersGoThatTakeNothing(t *testing.T) {
	for name, sent := range map[string]string{
		"the page is not read":    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"half a head":             "GET / HTTP/1.1\r\nHost:",
		"a body that never comes": "POST /stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n",
		"nothing":                 "",
	} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			s := serve(&onePipe{conn: far, closed: make(chan struct{})}, "localhost")
			big := running("A run")
			s.Show(big)
			began := time.Now()
			go io.WriteString(near, sent)
			time.Sleep(2 * time.Minute) // without reading
			synctest.Wait()
			near.SetReadDeadline(time.Now().Add(time.Second))
			_, err := io.Copy(io.Discard, near)
			assert.NoError(t, err, "%s: the connection is still held after %v", name, time.Since(began))
			near.Close()
			s.Close()
		})
	}
}

// TestServer_keepsViewersThatRead has a viewer who reads frames for longer than any deadline.
func TestServer_keepsViewersThatRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		s := serve(&onePipe{conn: far, closed: make(chan struct{})}, "localhost")
		go io.WriteString(near, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		came := make(chan string)
		go func() {
			all, _ := io.ReadAll(near)
			came <- string(all)
		}()
		for n := range 10 {
			time.Sleep(time.Minute)
			s.Show(running(fmt.Sprint("After ", n+1, " minutes")))
		}
		synctest.Wait()
		s.Close()
		near.Close()
		assert.Contains(t, <-came, "After 10 minutes")
	})
}
