package client

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/vllmspec/vllmspec/harness/servers"
)

// redirected is what to do about a redirect; "" where the answer is none. Redirects are not
// followed: each request would be sent twice, and both would be measured.
func (e *Endpoint) redirected(status int, location, path string) string {
	to, err := url.Parse(location)
	if status < 300 || status > 399 || status == http.StatusNotModified || location == "" {
		return ""
	}
	if err != nil || e.base == nil {
		return fmt.Sprintf("it sends us elsewhere (%d), to an address that cannot be read", status)
	}
	from := *e.base
	path = servers.Path(from.Path, path)
	from.Path = strings.TrimSuffix(from.Path, "/") + path
	to = from.ResolveReference(to)
	to.User, to.RawQuery, to.Fragment = nil, "", ""
	said := fmt.Sprintf("it sends us on to %s (%d)", to, status)
	at, found := strings.CutSuffix(strings.TrimSuffix(to.Path, "/"), path)
	base := url.URL{Scheme: to.Scheme, Host: to.Host, Path: at}
	switch {
	case found && (to.Scheme != e.base.Scheme || to.Host != e.base.Host || at != strings.TrimSuffix(e.base.Path, "/")):
		return fmt.Sprintf("%s: write %s in %s", said, &base, e.Settings.address())
	case found:
		return fmt.Sprintf("%s: let the server, or the proxy before it, answer %s itself; requests are not followed there, because each would be sent twice", said, path)
	}
	return said + ": is " + e.Settings.address() + " right, or is a login page in between?"
}
