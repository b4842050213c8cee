package client

import "net/http"

// NetTransport is what carries requests where our own engine does not.
func (e *Endpoint) NetTransport() http.RoundTripper { return e.newTransport() }
