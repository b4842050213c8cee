package servers

import (
	"net"
	"net/url"
	"strings"
)

// HostPort is where an address leads, as host and port: of "http://10.0.0.7:8000/v1" it is "10.0.0.7:8000". A port
// that is left out is that of the scheme. A text that is no address stays as it is: two names of one engine are
// compared by it.
func HostPort(address string) string {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" {
		return strings.ToLower(address)
	}
	port := at.Port()
	switch {
	case port != "":
	case at.Scheme == "https":
		port = "443"
	case at.Scheme == "http":
		port = "80"
	default:
		return strings.ToLower(at.Host)
	}
	return net.JoinHostPort(strings.ToLower(at.Hostname()), port)
}
