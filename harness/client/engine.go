package client

import (
	"net"
	"strings"

	"github.com/vllmspec/vllmspec/harness/servers"
)

// EngineHeaders are the headers of answers by which gateways and routers name the engine that answered; the first
// that is there counts. AIBrix and LiteLLM send theirs by themselves; the others are those that the
// documentation of llm-d's gateways, of the routers of vLLM and SGLang, of nginx and of Envoy use where one asks them to.
func EngineHeaders() []string {
	return []string{
		"X-Gateway-Destination-Endpoint-Served", "X-Gateway-Destination-Endpoint", // gateways of the Kubernetes inference extension, llm-d
		"Target-Pod",                                                                // AIBrix
		"X-Backend-Server",                                                          // vLLM's production stack
		"X-SGLang-Worker",                                                           // SGLang's router
		"X-Upstream-Addr", "X-Upstream", "X-Upstream-Host", "X-Envoy-Upstream-Host", // nginx: $upstream_addr; Envoy: %UPSTREAM_HOST%
		"X-LiteLLM-Model-API-Base", "X-LiteLLM-Model-Id", // LiteLLM
	}
}

// engineHeaders are those that are looked for where the user named one, or none.
func engineHeaders(named string) []string {
	if named != "" {
		return []string{named}
	}
	return EngineHeaders()
}

// engineOf is the engine that the head of an answer names; "" where it names none.
func engineOf(got answer, named string) string {
	for i := range engineHeaders(named) {
		if engine := engineName(got.named(i)); engine != "" {
			return engine
		}
	}
	return ""
}

// engineName is the name of an engine in a header: of a URL, or an address, host and port, and any other text as it
// is, without credentials. Of several that were tried one after the other, as nginx lists them, it is the last.
func engineName(value string) string {
	const most = 128
	for _, between := range []string{",", " : "} {
		if i := strings.LastIndex(value, between); i >= 0 {
			value = value[i+len(between):]
		}
	}
	value = strings.TrimSpace(value)
	if !strings.Contains(value, "://") {
		value = value[strings.LastIndex(value, "@")+1:]
	}
	if value == "-" || len(value) > most {
		return ""
	}
	if _, _, err := net.SplitHostPort(value); err == nil || strings.Contains(value, "://") {
		return servers.HostPort(value)
	}
	return value
}
