package server

import (
	"context"
	"net"
	"sync"
	"time"
)

// WithLatency puts a simulated server so far away that everything takes a time to get
// there, and the same to come back; connecting takes there and back.
func (s *Server) WithLatency(each time.Duration) {
	dial := s.Dial
	s.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !sleep(ctx.Done(), 2*each) {
			return nil, ctx.Err()
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newFar(conn, each), nil
	}
}

// delayedConn is our end of a connection over a distance. What is written travels in order,
// as does what is read, and none of it gets lost.
type delayedConn struct {
	net.Conn
	each   time.Duration
	out    chan packet
	in     chan packet
	rest   packet // being read
	closed chan struct{}
	once   sync.Once
}

// A packet is a piece of data, or the end of it, and when it is there.
type packet struct {
	data []byte
	err  error
	due  time.Time
}

// inTransit bounds the pieces that are under way, as a window does.
const inTransit = 1024

func newFar(conn net.Conn, each time.Duration) *delayedConn {
	f := &delayedConn{Conn: conn, each: each, out: make(chan packet, inTransit), in: make(chan packet, inTransit), closed: make(chan struct{})}
	go f.carryIn()
	go f.carryOut()
	return f
}

func (f *delayedConn) carryIn() {
	for {
		buffer := make([]byte, 32<<10)
		n, err := f.Conn.Read(buffer)
		select {
		case f.in <- packet{buffer[:n], err, time.Now().Add(f.each)}:
		case <-f.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

func (f *delayedConn) carryOut() {
	for {
		select {
		case p := <-f.out:
			if !sleep(f.closed, time.Until(p.due)) {
				return
			}
			if _, err := f.Conn.Write(p.data); err != nil {
				return // the reader gets the error
			}
		case <-f.closed:
			return
		}
	}
}

// Read waits for what is under way.
func (f *delayedConn) Read(b []byte) (int, error) {
	if len(f.rest.data) == 0 && f.rest.err == nil {
		select {
		case f.rest = <-f.in:
		case <-f.closed:
			return 0, net.ErrClosed
		}
		if !sleep(f.closed, time.Until(f.rest.due)) {
			return 0, net.ErrClosed
		}
	}
	n := copy(b, f.rest.data)
	if f.rest.data = f.rest.data[n:]; n > 0 || f.rest.err == nil {
		return n, nil
	}
	return 0, f.rest.err
}

// Write sends data on its way.
func (f *delayedConn) Write(b []byte) (int, error) {
	select {
	case f.out <- packet{data: append([]byte(nil), b...), due: time.Now().Add(f.each)}:
		return len(b), nil
	case <-f.closed:
		return 0, net.ErrClosed
	}
}

// Close ends the connection at both ends.
func (f *delayedConn) Close() error {
	f.once.Do(func() { close(f.closed) })
	return f.Conn.Close()
}

// sleep reports false when it was woken before its time.
func sleep(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}
