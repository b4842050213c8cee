package measure

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ofPods notes of a figure of the GPUs that they were given to several pods: which of
// them is the server's nothing tells.
func (w *Sampled) ofPods(source string) []string {
	if source != "gpu" || len(w.pods) < 2 {
		return nil
	}
	const few = 3
	names := slices.Sorted(maps.Keys(w.pods))
	shown := strings.Join(names[:min(few, len(names))], ", ")
	if len(names) > few {
		shown += ", …"
	}
	return []string{fmt.Sprintf("the GPUs belong to %d pods (%s), and this is of all of them: set DCGM_METRICS_URL to an exporter that shows the server's GPUs only", len(names), shown)}
}
