package slo

import (
	"fmt"
	"math"
)

// likely is what a difference probably comes from. It says only what other figures
// speak for, and how they do.
func (a *Accounts) likely(row account, of agreement) string {
	switch {
	case a.resets() > 0:
		return "the server's counters began again during the run: was it started anew?"
	case row.unit == Seconds:
		return a.likelyTime(of)
	case row.name == "HTTP errors":
		return a.likelyErrors(of)
	case row.name == "requests":
		return a.likelyRequests(of)
	}
	if requests := a.finished(); !math.IsNaN(requests) && requests != float64(a.client.answered) {
		return "they do not agree on the requests either, of which these are"
	}
	if row.unit == Tokens {
		return a.likelyTokens(of)
	}
	return "both count as many answers, but not the same reasons why they ended: something between them changes answers"
}

func (a *Accounts) likelyRequests(of agreement) string {
	n := int(math.Round(math.Abs(of.apart())))
	failed := a.client.lost + a.client.left
	switch {
	case of.apart() > 0 && n <= failed:
		return fmt.Sprintf("the server finished %s that did not come whole to the client, which counts %s cut off and %s given up: they were lost on the way, or it left just before the end",
			counted(n, "answer"), grouped(a.client.lost), grouped(a.client.left))
	case of.apart() > 0 && of.server == 2*of.client:
		return "the server counts each of them twice: something between them sends every request again, or its metrics are read twice"
	case of.apart() > 0:
		return fmt.Sprintf("the server finished %s that the client did not ask for: others use it meanwhile, or a proxy sends requests again", counted(n, "request"))
	}
	return fmt.Sprintf("%s were answered that the server does not count: the metrics are those of one engine or replica of several, or something before it answers in its place", counted(n, "request"))
}

func (a *Accounts) likelyTokens(of agreement) string {
	untold := a.client.answered - a.client.told
	switch {
	case untold > 0:
		return fmt.Sprintf("%s came without usage", counted(untold, "answer"))
	case of.server > 0:
		return fmt.Sprintf("both count as many requests, but the usage in the answers comes to %s of what the server's metrics count: one of them counts otherwise", FormatQuantity(of.client/of.server, Ratio))
	}
	return "both count as many requests, but only one of them counts tokens"
}

// likelyErrors: what failed on the way never reached the server, or came from
// something before it.
func (a *Accounts) likelyErrors(of agreement) string {
	if of.apart() < 0 {
		return "the server did not send all of them: something before it did, a proxy that limits or has no server behind it"
	}
	return "the server sent more of them than the client got: others use it meanwhile, or a proxy sends requests again that fail"
}

func (a *Accounts) likelyTime(of agreement) string {
	count := a.rise(seriesFirstCount)
	if of.name == "mean E2E latency" {
		count = a.rise(seriesLastCount)
	}
	switch {
	case count != float64(of.n):
		return fmt.Sprintf("they are means over different requests: %s of the client's, %s of the server's", grouped(of.n), grouped(int(count)))
	case of.apart() < 0:
		return fmt.Sprintf("%s lie between client and server: the network, a proxy, or the server's own front end", FormatQuantity(-of.apart(), Seconds))
	}
	return "the client sees answers sooner than the server says that it gave them: one of the two clocks is wrong, or the server counts from earlier on"
}
