package steps

import (
	"slices"

	"github.com/vllmspec/vllmspec/harness/experiment"
)

// expect notes what a step will have judged.
func (w *world) expect(asked experiment.Question) {
	if len(asked.Rows) > 0 {
		w.expected = append(slices.Clip(w.expected), asked)
	}
}
