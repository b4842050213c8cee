package reconcile

import (
	"fmt"
	"math"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// likely is what a difference probably comes from. It says only what other figures
// speak for, and how they do.
func likely(a *slo.Accounts, row account, of agreement) string {
	switch {
	case a.Several():
		return slo.SeveralServers
	case a.Resets() > 0:
		return "the server's counters began again during the run: was it started anew?"
	case row.unit == quantity.Seconds:
		return likelyTime(a, of)
	case row.name == "HTTP errors":
		return likelyErrors(a, of)
	case row.name == "requests":
		return a.LikelyRequests(of.client, of.server)
	}
	if requests := a.Finished(); !math.IsNaN(requests) && requests != float64(a.Client.Answered) {
		return "they do not agree on the requests either, of which these are"
	}
	if row.unit == quantity.Tokens {
		return likelyTokens(a, of)
	}
	return "both count as many answers, but not the same reasons why they ended: something between them changes answers"
}

func likelyTokens(a *slo.Accounts, of agreement) string {
	unreported := a.Client.Answered - a.Client.WithUsage
	switch {
	case unreported > 0:
		return fmt.Sprintf("%s came without usage", quantity.Counted(unreported, "answer"))
	case of.server > 0:
		return fmt.Sprintf("both count as many requests, but the usage in the answers comes to %s of what the server's metrics count: one of them counts otherwise", quantity.Format(of.client/of.server, quantity.Ratio))
	}
	return "both count as many requests, but only one of them counts tokens"
}

// likelyErrors: what failed on the way never reached the server, or came from
// something before it.
func likelyErrors(a *slo.Accounts, of agreement) string {
	if of.apart() < 0 {
		return "the server did not send all of them: something before it did, a proxy that limits or has no server behind it"
	}
	return "the server sent more of them than the client got: others use it meanwhile, or a proxy sends requests again that fail"
}

func likelyTime(a *slo.Accounts, of agreement) string {
	count := a.Rise(slo.SeriesFirstCount)
	if of.name == "mean E2E latency" {
		count = a.Rise(slo.SeriesLastCount)
	}
	switch {
	case count != float64(of.n):
		return fmt.Sprintf("they are means over different requests: %s of the client's, %s of the server's", quantity.Grouped(of.n), quantity.Grouped(int(count)))
	case of.apart() < 0:
		return fmt.Sprintf("%s lie between client and server: the network, a proxy, or the server's own front end", quantity.Format(-of.apart(), quantity.Seconds))
	}
	return "the client sees answers sooner than the server says that it gave them: one of the two clocks is wrong, or the server counts from earlier on"
}
