package client

import (
	"net/url"
	"strings"

	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/servers"
)

// Address is where a path of the protocol is: below the base address, with its query.
func (e *Endpoint) Address(path string) string {
	base, query, _ := strings.Cut(e.URL, "?")
	return base + joined(servers.Path(base, path), query)
}

// target is what a request to a path asks for, as the head of a request names it.
func (e *Endpoint) target(path string) string {
	base := e.base.EscapedPath()
	return base + joined(servers.Path(base, path), e.base.RawQuery)
}

// joined is a path, which may have a query, with another query.
func joined(path, query string) string {
	switch {
	case query == "":
		return path
	case strings.Contains(path, "?"):
		return path + "&" + query
	}
	return path + "?" + query
}

// hostOf is the host that requests name in place of the address's: the value of the header Host, if it is among
// the headers; and the other headers.
func hostOf(headers []credentials.Header) (host string, others []credentials.Header) {
	for _, h := range headers {
		if strings.EqualFold(h.Name, "Host") {
			host = h.Value
			continue
		}
		others = append(others, h)
	}
	return host, others
}

// isBelow reports whether an address is of the server at a base address; of none where there is no base.
func isBelow(base, at *url.URL) bool {
	return base != nil && at.Scheme == base.Scheme && at.Host == base.Host
}
