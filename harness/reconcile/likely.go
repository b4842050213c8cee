package reconcile

import (
	"fmt"
	"math"

	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// likely is what a difference probably comes from. It says only what other figures
// speak for, and how they do.
func likely(a *ledger.Ledger, p pair) slo.Cause {
	switch {
	case a.Several():
		return because(ledger.SeveralServers())
	case a.Resets() > 0:
		return slo.Cause{Summary: "the server's counters began again during the run"}.With(": was it started anew?")
	case p.isTime():
		return likelyTime(a, p)
	case p.kind == httpErrors:
		return likelyErrors(p)
	case p.kind == requests:
		return because(a.LikelyRequests(p.client, p.server))
	}
	if finished := a.Finished(); !math.IsNaN(finished) && finished != float64(a.Client.Answered) {
		return slo.Cause{Summary: "they do not agree on the requests either, of which these are"}
	}
	if p.kind == tokens {
		return likelyTokens(a, p)
	}
	return slo.Cause{Summary: "both count as many answers, but not the same reasons why they ended"}.With(": something between them changes answers")
}

func likelyTokens(a *ledger.Ledger, p pair) slo.Cause {
	unreported := a.Client.Answered - a.Client.WithUsage
	switch {
	case unreported > 0:
		return slo.Cause{Summary: quantity.Counted(unreported, "answer") + " came without usage"}
	case p.server > 0:
		return slo.Cause{Summary: fmt.Sprintf("both count as many requests, but the usage in the answers comes to %s of what the server's metrics count", quantity.Format(p.client/p.server, quantity.Ratio))}.
			With(": one of them counts otherwise")
	}
	return slo.Cause{Summary: "both count as many requests, but only one of them counts tokens"}
}

// likelyErrors: what failed on the way never reached the server, or came from
// something before it.
func likelyErrors(p pair) slo.Cause {
	if p.difference() < 0 {
		return slo.Cause{Summary: "the server did not send all of them"}.With(": something before it did, a proxy that limits or has no server behind it")
	}
	return slo.Cause{Summary: "the server sent more of them than the client got"}.With(": others use it meanwhile, or a proxy sends requests again that fail")
}

func likelyTime(a *ledger.Ledger, p pair) slo.Cause {
	count := a.Rise(ledger.SeriesFirstCount)
	if p.kind == wholeAnswers {
		count = a.Rise(ledger.SeriesLastCount)
	}
	switch {
	case count != float64(p.n):
		return slo.Cause{Summary: "they are means over different requests"}.With(fmt.Sprintf(": %s of the client's, %s of the server's", quantity.Grouped(p.n), quantity.Grouped(int(count))))
	case p.difference() < 0:
		return slo.Cause{Summary: quantity.Format(-p.difference(), quantity.Seconds) + " lie between client and server"}.With(": the network, a proxy, or the server's own front end")
	}
	return slo.Cause{Summary: "the client sees answers sooner than the server says that it gave them"}.With(": one of the two clocks is wrong, or the server counts from earlier on")
}

// because is a reason as the cause of a verdict.
func because(r ledger.Reason) slo.Cause {
	return slo.Cause{Summary: r.Summary, Evidence: slo.Evidence(r.Evidence)}
}
