package loopback

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// Ports that FreePort chooses from where the system gives out others: above those of most services,
// and below those that Linux (from 32768), macOS and Windows (from 49152) give out.
const (
	lowest  = 20000
	highest = 32767
)

// FreePort is a port of 127.0.0.1 that nothing listens on, for a server that will listen on it
// later. The system gives it to no one else meanwhile: it lies outside of the range from which
// outgoing connections and listeners on port 0 get theirs. A server that loads a model for minutes
// before it listens keeps its port that way.
func FreePort() (port int, err error) {
	from, to := given()
	for range 100 {
		port = lowest + rand.N(highest-lowest+1)
		if port >= from && port <= to {
			continue
		}
		if err = listens(port); err == nil {
			return port, nil
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the system gives out all of them: better than none
	if err != nil {
		return 0, fmt.Errorf("a port of the loopback interface: %w", err)
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

func listens(port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return listener.Close()
}

// given is the range of ports that the system gives out by itself, as Linux tells it
// (ip(7), ip_local_port_range); none where it does not.
func given() (from, to int) {
	raw, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0
	}
	return ephemeral(string(raw))
}

func ephemeral(lines string) (from, to int) {
	if n, err := fmt.Sscan(lines, &from, &to); n != 2 || err != nil {
		return 0, 0
	}
	return from, to
}
