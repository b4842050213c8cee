package environment

import (
	"fmt"

	"golang.org/x/net/http/httpguts"
)

// readEngines reads how the engines behind a gateway are distinguished.
func (e *Environment) readEngines(vars map[string]string) error {
	e.EngineHeader = vars["VLLM_ENGINE_HEADER"]
	if e.EngineHeader != "" && !httpguts.ValidHeaderFieldName(e.EngineHeader) {
		return fmt.Errorf("VLLM_ENGINE_HEADER is %q; write the name of one header of the answers, X-Upstream-Addr say", e.EngineHeader)
	}
	return nil
}
