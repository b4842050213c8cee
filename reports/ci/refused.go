package ci

import (
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/internal/plain"
)

// notRun is what of the tests was not run: all, or what came after some.
func notRun(afterSome bool) string {
	if afterSome {
		return "Not everything was run"
	}
	return "Nothing was run"
}

// Refused is what a summary says of tests of which nothing was run, or not everything, and why;
// "" for nil.
func Refused(why error, afterSome bool) string {
	if why == nil {
		return ""
	}
	var out strings.Builder
	out.WriteString("\n" + notRun(afterSome) + ":\n\n")
	for line := range strings.Lines(why.Error()) {
		fmt.Fprintf(&out, "- %s\n", cell(line))
	}
	return out.String()
}

// RefusedAnnotation is a line by which GitHub Actions shows it.
func RefusedAnnotation(why error, afterSome bool) string {
	return "::error title=" + notRun(afterSome) + "::" + strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(plain.Lines(why.Error()))
}
