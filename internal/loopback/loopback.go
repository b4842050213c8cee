// Package loopback knows the names by which only this machine reaches itself. What is served
// there without a token answers these names only: a site that lets its own name point here
// (DNS rebinding) must not read it through a user's browser.
package loopback

import (
	"net"
	"strings"
)

// Is reports whether a host, with a port or without, is one of this machine's own: localhost
// or an address of the loopback interface.
func Is(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
