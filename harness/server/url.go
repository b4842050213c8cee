package server

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/internal/redact"
)

// ParseURL checks a base address and returns it without a trailing slash, and without the /v1 of
// the interface, which is what other programs want to have with it. A query stays: it goes with every request.
func ParseURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case schemeLess(raw) != "":
		return "", fmt.Errorf("%q must begin with http:// or https://; write %s", redact.URL(raw), schemeLess(raw))
	case err != nil:
		return "", fmt.Errorf("%q is no URL; write http://host:8000", redact.URL(raw))
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("%q must begin with http:// or https://", redact.URL(raw))
	case u.Host == "" || u.Hostname() == "":
		return "", fmt.Errorf("%q names no host; write http://host:8000", redact.URL(raw))
	case u.Fragment != "":
		return "", fmt.Errorf("%q must be a base address, without #", redact.URL(raw))
	}
	if err := checkPort(u.Port()); err != nil {
		return "", fmt.Errorf("%q: %w", redact.URL(raw), err)
	}
	query := u.RawQuery
	u.RawQuery, u.ForceQuery = "", false
	base := strings.TrimRight(u.JoinPath().String(), "/")
	for u.Host != "" && strings.HasSuffix(base, "/v1") {
		base = strings.TrimRight(strings.TrimSuffix(base, "/v1"), "/")
	}
	if query != "" {
		base += "?" + query
	}
	return base, nil
}

// schemeLess is an address that lacks only its scheme, as it is to be written: without credentials;
// "" of any other text.
func schemeLess(raw string) string {
	if raw == "" || strings.Contains(raw, "://") || strings.ContainsAny(raw, "@?# ") {
		return ""
	}
	u, err := url.Parse("http://" + raw)
	if err != nil || u.Hostname() == "" || checkPort(u.Port()) != nil {
		return ""
	}
	return redact.URL(u.String())
}

// checkPort checks that a port is one; "" is that of the scheme.
func checkPort(port string) error {
	const highest = 65535
	if port == "" {
		return nil
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > highest {
		return errors.New("the port is " + port + "; ports are 1 to 65535")
	}
	return nil
}
