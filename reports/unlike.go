package reports

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness/slo"
)

// unlike says why runs cannot be called better or worse than the first: one is void,
// or another load was asked for. It is "" where they can. That the server, its version
// or the model is another one is what a comparison is for.
func unlike(runs []Measured) string {
	var voids, others []string
	for i, r := range runs {
		if unsound := slo.Audit(r.Window); unsound != nil {
			voids = append(voids, fmt.Sprintf("%c is void: %s", 'A'+i, unsound[0].Text))
		}
		for _, label := range []string{"load", "workload", "good", "warm-up", "given-up", "clock"} {
			first, this := runs[0].Manifest.Scenario.Labels[label], r.Manifest.Scenario.Labels[label]
			if first != this {
				others = append(others, fmt.Sprintf("the %s of %c is %s, that of A %s", label, 'A'+i, cmp.Or(this, "not said"), cmp.Or(first, "not said")))
			}
		}
	}
	var says []string
	if others != nil {
		says = append(says, "The runs are unlike: "+strings.Join(others, "; "))
	}
	if voids != nil {
		says = append(says, strings.Join(voids, "; "))
	}
	if says == nil {
		return ""
	}
	return strings.Join(says, ". ") + ". No figure is called better or worse."
}
