package reports

import (
	"slices"

	"github.com/vllmspec/vllmspec/harness"
)

// LetPass reports whether something unknown did not fail a scenario.
func LetPass(warnings []harness.Warning) bool {
	return slices.ContainsFunc(warnings, func(w harness.Warning) bool { return w.Kind == harness.LetPass })
}

// PassedAs says why a scenario passed that met not all of its objectives.
func PassedAs(letPass bool) string {
	if letPass {
		return "let pass as VLLMSPEC_UNKNOWN=warn asks"
	}
	return "as the scenario expected"
}
