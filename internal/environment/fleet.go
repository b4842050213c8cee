package environment

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/server"
)

// readEngines reads how the engines behind a gateway are distinguished, and which Prometheus scrapes them.
func (e *Environment) readEngines(vars map[string]string) error {
	e.EngineHeader = vars["VLLM_ENGINE_HEADER"]
	if e.EngineHeader != "" && !httpguts.ValidHeaderFieldName(e.EngineHeader) {
		return fmt.Errorf("VLLM_ENGINE_HEADER is %q; write the name of one header of the answers, X-Upstream-Addr say", e.EngineHeader)
	}
	return e.readPrometheus(vars)
}

// readPrometheus reads where Prometheus is, and which of its series are those of the engines.
func (e *Environment) readPrometheus(vars map[string]string) error {
	address, token, selector := vars["VLLM_PROMETHEUS_URL"], vars["VLLM_PROMETHEUS_TOKEN"], strings.TrimSpace(vars["VLLM_PROMETHEUS_SELECTOR"])
	switch {
	case address == "" && token+selector != "":
		return errors.New("VLLM_PROMETHEUS_TOKEN and VLLM_PROMETHEUS_SELECTOR are for the server at VLLM_PROMETHEUS_URL; set that too")
	case address == "":
		return nil
	case vars["VLLM_METRICS_URL"] != "":
		return errors.New("VLLM_METRICS_URL and VLLM_PROMETHEUS_URL name two sources of the same metrics; unset one")
	case selector != "" && (!strings.HasPrefix(selector, "{") || !strings.HasSuffix(selector, "}")):
		return fmt.Errorf("VLLM_PROMETHEUS_SELECTOR is %q; write what a selector of PromQL has in braces, {namespace=\"llm\", job=\"vllm\"} say", selector)
	}
	base, err := server.ParseURL(strings.TrimSpace(address))
	if err != nil {
		return fmt.Errorf("VLLM_PROMETHEUS_URL: %w", err)
	}
	if !httpguts.ValidHeaderFieldValue(token) {
		return errors.New("VLLM_PROMETHEUS_TOKEN holds a line break or another control character: it cannot be sent")
	}
	e.Prometheus, e.Selector = sampler.PrometheusServer{URL: base, Token: token}, selector
	return nil
}
