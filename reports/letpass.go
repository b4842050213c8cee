package reports

import (
	"slices"
	"strings"
)

// LetPassAs begins the warning of a run that something unknown did not fail it.
const LetPassAs = "unknown, and let pass as VLLMSPEC_UNKNOWN=warn asks: "

// LetPass reports whether warnings say so.
func LetPass(warnings []string) bool {
	return slices.ContainsFunc(warnings, func(w string) bool { return strings.HasPrefix(w, LetPassAs) })
}

// PassedAs says why a scenario passed that met not all of its objectives.
func PassedAs(letPass bool) string {
	if letPass {
		return "let pass as VLLMSPEC_UNKNOWN=warn asks"
	}
	return "as the scenario expected"
}
