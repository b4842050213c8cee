package experiment

import (
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/internal/plain"
)

// shownGPUs are GPUs as they may be shown.
func (s *Session) shownGPUs(gpus []sampler.GPU) []sampler.GPU {
	out := make([]sampler.GPU, len(gpus))
	for i, g := range gpus {
		for _, field := range []*string{&g.Index, &g.Model, &g.UUID, &g.Driver, &g.ECC} {
			*field = plain.Line(s.redact(*field))
		}
		out[i] = g
	}
	return out
}
