package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/store"
)

// latencyFrom is from when latency counts.
func latencyFrom(run *harness.Run, measured *measure.Window) string {
	if run.Imported != nil && measured.Spread("lag").N() == 0 {
		return "counts from when a request was sent: the files of " + run.Imported.By + " do not tell when it was due, and what the client was late by is not in it"
	}
	return "counts from when a request was due, not from when it was sent"
}

// draws is where random numbers came from; another tool's are not known.
func draws(run *harness.Run) string {
	if run.Imported != nil {
		return ""
	}
	return "arrivals, prompts and think times come from separate streams of the seed"
}

// importedFrom is the other tool that measured the run, and its files; "" where we did.
func importedFrom(m store.Manifest) string {
	if m.Imported == nil {
		return ""
	}
	return m.Imported.By + ", read from " + strings.Join(m.Imported.Files, " and ")
}

// seedOf is the seed; another tool's is not known.
func seedOf(m store.Manifest) string {
	if m.Imported != nil {
		return ""
	}
	return strconv.FormatUint(m.Scenario.Seed, 10)
}

// clientOf is the machine that the client ran on.
func clientOf(m store.Manifest) string {
	if m.Imported != nil {
		return m.Imported.By
	}
	return fmt.Sprintf("%s/%s, %d cores, %s", m.Host.OS, m.Host.Arch, m.Host.Cores, m.Host.Name)
}

// askNoChunks leaves out the queries that rest on each chunk: of this run the files do not have them.
func (v *View) askNoChunks() {
	leaveOut := func(query *string) {
		if strings.Contains(*query, "chunk_ns") {
			*query = ""
		}
	}
	for i := range v.Objectives {
		leaveOut(&v.Objectives[i].SQL)
	}
	for i := range v.Figures {
		leaveOut(&v.Figures[i].SQL)
	}
	for i := range v.Data.Distributions {
		leaveOut(&v.Data.Distributions[i].SQL)
	}
	v.Queries = slices.DeleteFunc(v.Queries, func(q Fact) bool { return strings.Contains(q.Value, "chunk_ns") })
}
