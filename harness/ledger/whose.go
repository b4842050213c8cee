package ledger

import (
	"fmt"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// A Reason is why both sides differ, in a few words, and what speaks for it or is to be done.
type Reason struct{ Summary, Evidence string }

// String is the summary with its evidence.
func (r Reason) String() string { return r.Summary + r.Evidence }

// SeveralServers is the reason of a difference where readings of several servers came from
// one address.
func SeveralServers() Reason {
	return Reason{Summary: "the readings of the server's metrics come from several servers behind one address", Evidence: ": list the replicas in VLLM_URL (or their pages in VLLM_METRICS_URL)"}
}

// Several reports whether the server's readings are those of several: in turns, or of one
// after another.
func (a *Ledger) Several() bool {
	start := time.Time{}
	if a.run != nil && !a.run.Virtual {
		start = a.run.Start
	}
	return a.mixed.several(start) || a.switched()
}

// switched reports whether the page became another server's, as behind a balancer that
// keeps to one of them for a while: counters fell, and answers are missing in them. A
// server that is started again breaks what it is answering, or its page names a newer
// process.
func (a *Ledger) switched() bool {
	client, server := float64(a.Client.Answered), a.Finished()
	return a.Resets() > 0 && a.Client.broken == 0 && !a.mixed.restarted() && a.Unseen(quantity.Count, client, server) == "" &&
		a.unexplained(client, server) < -strangersMost*client
}

// unexplained is by how many answers the server counts more than the client, or fewer.
// What the client did not get whole may have ended at the server; what ended when the
// server was read last it may not have counted yet.
func (a *Ledger) unexplained(client, server float64) float64 {
	c, off := a.Client, server-client
	if off > 0 {
		return max(0, off-float64(c.Asked-c.Answered-c.HTTPErrors))
	}
	for _, n := range a.late {
		off += float64(n)
	}
	return min(0, off)
}

// strangersMost is the share of the client's answers by which the server may count
// more of them, or fewer, than there were.
const strangersMost = 0.01

// NotItsOwn says why the server's figures are not those of this load and of all of the
// server: they are of several servers, or of other requests than the client's;
// "" where nothing speaks against it.
func (a *Ledger) NotItsOwn() string {
	if a.Several() {
		return SeveralServers().String()
	}
	client, server := float64(a.Client.Answered), a.Finished()
	off, remedy := a.unexplained(client, server), "keep other traffic off it meanwhile"
	if a.Unseen(quantity.Count, client, server) != "" || a.Resets() > 0 && server < client {
		return "" // the rows say why; a server that was started again has not counted all
	}
	if server < client {
		remedy = "list the replicas in VLLM_URL, or their pages in VLLM_METRICS_URL"
	}
	if math.Abs(off) <= strangersMost*client {
		return ""
	}
	if a.Resets() > 0 { // a server that is started again counts fewer, and never more
		return SeveralServers().String()
	}
	return fmt.Sprintf("the client had %s, and the server's metrics count %s: %s; %s",
		quantity.Counted(a.Client.Answered, "answer"), quantity.Format(server, quantity.Count), a.LikelyRequests(client, server).String(), remedy)
}

// Unseen is why a figure of client and server cannot be compared; "" where it can. NaN stands for
// a side that did not report it.
func (a *Ledger) Unseen(unit quantity.Unit, client, server float64) string {
	const late = 1500 * time.Millisecond // of a scrape that began before the last answer ended
	switch {
	case a.gaps.first == harness.NoTime && a.run != nil && a.run.Unread["server"] != "":
		return metric.UnreadBecause("server", a.run.Unread["server"])
	case a.gaps.first == harness.NoTime:
		return metric.UsualAbsence(metric.Server).Unread
	case a.Client.Asked == 0:
		return "nothing was asked"
	case a.gaps.first > 0:
		return fmt.Sprintf("the server's metrics were not read before the load, first after %s", quantity.Format(a.gaps.first.Seconds(), quantity.Seconds))
	case a.gaps.last+late < a.Client.ended:
		return fmt.Sprintf("a scrape was missed: the server's metrics were read last at %s, and answers came until %s", quantity.Format(a.gaps.last.Seconds(), quantity.Seconds), quantity.Format(a.Client.ended.Seconds(), quantity.Seconds))
	case a.Client.longClips && unit != quantity.Tokens:
		return fmt.Sprintf("clips of more than %s are several requests to the server, which cuts them", quantity.Format(vllm.ClipMost.Seconds(), quantity.Seconds))
	case math.IsNaN(client) && unit == quantity.Tokens:
		return "the server reported no token counts: it must support stream_options.include_usage"
	case math.IsNaN(client):
		return "no answer came"
	case math.IsNaN(server):
		return "the server's metrics do not tell"
	}
	return ""
}

// LikelyRequests is what a difference in the number of requests probably comes from.
func (a *Ledger) LikelyRequests(client, server float64) Reason {
	apart := server - client
	n := int(math.Round(math.Abs(apart)))
	failed := a.Client.lost + a.Client.GivenUp
	switch {
	case apart > 0 && n <= failed:
		return Reason{Summary: fmt.Sprintf("the server finished %s that did not come whole to the client, which counts %s cut off and %s given up", quantity.Counted(n, "answer"), quantity.Grouped(a.Client.lost), quantity.Grouped(a.Client.GivenUp)),
			Evidence: ": they were lost on the way, or it left just before the end"}
	case apart > 0 && server == 2*client:
		return Reason{Summary: "the server counts each of them twice", Evidence: ": something between them sends every request again, or its metrics are read twice"}
	case apart > 0:
		return Reason{Summary: fmt.Sprintf("the server finished %s that the client did not ask for", quantity.Counted(n, "request")),
			Evidence: ": others use it meanwhile, or a proxy sends requests again"}
	}
	return Reason{Summary: quantity.Counted(n, "request") + " were answered that the server does not count",
		Evidence: ": the metrics are those of one engine or replica of several, or something before it answers in its place"}
}
