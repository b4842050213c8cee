package server

import (
	"slices"
	"strings"
)

// Environ is what a server that we start may know of our environment: all but what
// is meant for us, least of all headers and URLs with secrets in them.
func Environ(environ []string) []string {
	ours := []string{"VLLM_URL", "VLLM_URL_B", "VLLM_MODEL", "VLLM_IMAGE", "VLLM_COMMAND", "VLLM_ARGS", "VLLM_METRICS_URL", "VLLM_METRICS_API_KEY", "VLLM_HEADERS",
		"VLLM_API_KEY_FILE", "VLLM_API_KEY_COMMAND", "VLLM_CA_FILE", "VLLM_CERT_FILE", "VLLM_KEY_FILE", "DCGM_METRICS_URL", "GODOG_TAGS"}
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(ours, name) || strings.HasPrefix(name, "VLLMSPEC_")
	})
}

// intoContainer is what of it means something in a container: what is vLLM's own,
// Hugging Face's and the accelerator's. HF_HOME is a folder of this machine.
func intoContainer(environ []string) map[string]string {
	into := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		for _, prefix := range []string{"VLLM_", "HF_", "HUGGING_FACE_", "CUDA_", "NCCL_", "NVIDIA_", "TORCH_", "PYTORCH_"} {
			if strings.HasPrefix(name, prefix) && name != "HF_HOME" {
				into[name] = value
			}
		}
	}
	return into
}

func lookup(environ []string, name string) string {
	for _, entry := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
