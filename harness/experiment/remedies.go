package experiment

import (
	"cmp"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// Remedies say what the user of a program can do about what went wrong, in its own words:
// which of its settings to change. Each is a clause, without punctuation before it. The
// zero value says what went wrong, and no remedy.
type Remedies struct {
	Key        string // the server does not let its metrics be read
	MetricsKey string // a page does not with [Place.MetricsKey]
	OtherHost  string // a page on another host than the server's does not without that key
	RemoteGPUs string // the server runs on another machine, and so do its GPUs
	OtherGPUs  string // GPUsURLs are those of the first of two servers: "DCGM_METRICS_URL is where …"
	Out        string // nothing can be written to the folder of the runs
	ColdCache  string // conversations that came again were found in the prefix cache
	Deadline   DeadlineRemedies
}

// DeadlineRemedies say whose the deadline of a session is, and how to have a later one.
type DeadlineRemedies struct {
	Whose    string                     // "go test"
	Name     string                     // of its setting: "go test's -timeout"
	Longer   string                     // how to have more time: "add a longer -timeout, or -timeout 0 for no limit"
	AtLeast  func(time.Duration) string // how to have as much: "add -timeout 30m0s, or -timeout 0 for no limit"
	Narrower string                     // how a search gets further: "a longer -timeout gives a narrower answer"
}

// over is what ended a load at the deadline.
func (d DeadlineRemedies) over() harness.Interruption {
	return harness.Interruption(cmp.Or(d.Name, "the deadline") + clause(d.Longer))
}

func (d DeadlineRemedies) atLeast(needed time.Duration) (remedy string) {
	if d.AtLeast != nil {
		remedy = clause(d.AtLeast(needed))
	}
	return remedy
}

// clause adds a remedy to a sentence; nothing where there is none.
func clause(remedy string) string {
	if remedy != "" {
		remedy = "; " + remedy
	}
	return remedy
}
