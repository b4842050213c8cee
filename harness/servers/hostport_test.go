package servers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/servers"
)

func TestHostPort_isHowTwoNamesOfOneEngineAreCompared(t *testing.T) {
	for address, want := range map[string]string{
		"http://10.0.0.7:8000/metrics":      "10.0.0.7:8000",
		"http://user:key@Engine.example/v1": "engine.example:80",
		"https://engine.example":            "engine.example:443",
		"http://[fd00::7]:8000":             "[fd00::7]:8000",
		"grpc://engine":                     "engine",
		"10.0.0.7:8000":                     "10.0.0.7:8000",
		"vLLM-0":                            "vllm-0",
		"":                                  "",
	} {
		assert.Equal(t, want, servers.HostPort(address), address)
	}
}
