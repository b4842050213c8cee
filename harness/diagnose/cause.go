package diagnose

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// cause is why a verdict is not met: the phase in which the time went, and the evidence
// for it. An unknown verdict has its first note as its cause.
func (e *Observer) cause(v slo.Verdict) slo.Cause {
	switch {
	case v.Outcome == slo.Missed:
		return e.because(v).Explains(v.WasMissed())
	case v.Outcome == slo.Unknown && len(v.Notes) > 0:
		return slo.Cause{Claim: v.IsNotKnown(), Summary: v.Notes[0]}
	}
	return slo.Cause{}
}

// reason is a cause that is about no phase.
func reason(summary string) slo.Cause { return slo.Cause{Summary: summary} }

// unread says what the scraper met where readings are missing; "" where none are.
func (e *Observer) unread() string {
	if why := e.w.Run.Unread["server"]; why != "" {
		return fmt.Sprintf("; its /metrics did not answer as it should (%s)", shortened(why))
	}
	return ""
}

// because is why a verdict was missed.
func (e *Observer) because(v slo.Verdict) slo.Cause {
	m, err := metric.OfRow(v.Objective)
	failed := e.failures[v.Class]
	if failed == nil {
		failed = newFailures(e.w)
	}
	q := e.of(v)
	_, isErrorRate := m.Source.(metric.ErrorRate)
	_, inFlight := m.Source.(metric.Concurrency)
	_, isTotal := m.Source.(metric.Total)
	switch {
	case err != nil:
		return slo.NotSeen()
	case isErrorRate && failed.n > 0:
		return failed.because()
	case m.Measures(metric.Lag()):
		return slo.Cause{Phase: slo.PhaseClient, Summary: "the client itself was late"}.With(e.w.Starved())
	case m.Measures(metric.ValidAnswers{}) && len(v.Notes) > 0:
		return reason(v.Notes[0])
	case q != nil && v.Relation == harness.AtLeast && !m.CountsGood():
		return reason("it was less than was asked for, which is no fault")
	case q != nil && failed.n > q.slow.n:
		return failed.because()
	case q != nil && q.slow.n > 0:
		return e.slowness(q)
	case isTotal && !m.IsFact():
		return e.tooLittle(failed)
	case m.IsSampled() || inFlight:
		return e.ofTheServer(m)
	}
	return slo.NotSeen()
}

// slowness is why requests were too slow for a limit.
func (e *Observer) slowness(q *inquiry) slo.Cause {
	excess, slow := q.excess()
	phase := excess.most()
	c := e.inPhase(phase, q, slow)
	c.Phase = phase
	if q.opened() {
		c = c.With(fmt.Sprintf("; %s of those %s were the first requests of their users, who all begin at once (a warm-up leaves them out)", quantity.Grouped(q.slow.opening), quantity.Grouped(q.slow.n)))
	}
	if s, yes := q.engines.Slow(); yes {
		c = onEngine(c, s, "were too slow").With(e.unlikeOthers(s))
	}
	if q.isPart() {
		c.Summary, c.Evidence = fmt.Sprintf("%s missed %s", quantity.Counted(q.slow.n, "request"), q.limit.Text), slo.Evidence(": "+c.Reason())
	}
	return c
}

// inPhase is why requests spent too long in a phase.
func (e *Observer) inPhase(phase slo.Phase, q *inquiry, slow Phases) slo.Cause {
	switch phase {
	case slo.PhaseClient:
		return e.clientWaits(slow)
	case slo.PhaseNetwork:
		return q.onTheWay(slow)
	case slo.PhaseFrontEnd:
		return e.inFront(q, slow)
	case slo.PhaseQueue:
		return reason(ofTooSlow("requests waited in the server's queue", slow.Queue)).With(": " + e.queueing(q))
	case slo.PhasePrefill:
		return reason(ofTooSlow("prompts took long to compute", slow.Prefill)).With(": " + e.prompts(q))
	case slo.PhaseStall:
		return e.stalled(q)
	case slo.PhaseDecode:
		return e.decoding(q)
	}
	return e.inTheServer(slow)
}

// ofTooSlow adds how long something took on average of the requests that were too slow.
func ofTooSlow(what string, seconds float64) string {
	return fmt.Sprintf("%s, %s on average of those that were too slow", what, quantity.Format(seconds, quantity.Seconds))
}

// clientWaits is for requests that were sent late.
func (e *Observer) clientWaits(slow Phases) slo.Cause {
	if open, ok := e.w.Run.Scenario.Load.(harness.Open); ok && open.InFlight > 0 {
		return reason(fmt.Sprintf("requests waited %s on average for one of the %s places that the scenario gives them", quantity.Format(slow.Client, quantity.Seconds), quantity.Grouped(open.InFlight))).
			With(": so many were not answered as fast as requests came")
	}
	return reason(fmt.Sprintf("the client sent them late, by %s on average", quantity.Format(slow.Client, quantity.Seconds))).With(e.w.Starved())
}

// onTheWay is for time that the server does not count.
func (q *inquiry) onTheWay(slow Phases) slo.Cause {
	c := reason(ofTooSlow("time passed between client and server", slow.Network))
	then, _ := q.seen()
	var most float64
	for i, k := range q.line.ticks {
		if q.touched[i] && k.first.n > 0 {
			most = max(most, k.first.most)
		}
	}
	switch {
	case q.slow.headers.Seconds()/float64(max(1, q.slow.n)) < slow.Network/2 && then.n > 0 && most > 0 && most < slow.Total():
		return c.With(fmt.Sprintf(": by its own account the server gave no first token later than %s after a request had come; the network, a proxy or its front end held them up", quantity.Format(most, quantity.Seconds)))
	}
	return c.With(": connecting, and until the headers came, which the server sends before it begins; the network, a proxy or its front end held them up")
}

// inFront is for time that the server counts, and its engine does not.
func (e *Observer) inFront(q *inquiry, slow Phases) slo.Cause {
	c := reason(ofTooSlow("requests waited in the server's front end", slow.FrontEnd))
	if f := e.line.frontEnd(); f.first > 0 {
		c = c.With(fmt.Sprintf(": by its own account the first tokens of all requests took %s on average, and of that %s in its queue and in computing", quantity.Format(f.first, quantity.Seconds), quantity.Format(f.engine, quantity.Seconds)))
	}
	then, _ := q.seen()
	return c.With(fmt.Sprintf("; %s output tokens per second went through it meanwhile", quantity.Digits(then.rate())))
}

// inTheServer is for time between headers and first token that is not split.
func (e *Observer) inTheServer(slow Phases) slo.Cause {
	c := reason(fmt.Sprintf("%s on average passed in the server before the first token", quantity.Format(slow.Server, quantity.Seconds)))
	if e.line.read() {
		return c.With("; its metrics do not tell whether in its queue or in computing")
	}
	return c.With("; whether in its queue or in computing was not seen, as its metrics could not be read" + e.unread())
}

// queueing says what the queue waited for.
func (e *Observer) queueing(q *inquiry) string {
	then, _ := q.seen()
	return e.resource(then, q.limit.Class) + e.oversaturated(then)
}

// resource is what was used up while requests waited.
func (e *Observer) resource(then seen, class string) string {
	grew := fmt.Sprintf("the queue grew from %s to %s", quantity.Digits(then.waited), quantity.Digits(then.waitedMost))
	switch {
	case then.n == 0:
		return "what for was not seen, as the server's metrics could not be read" + e.unread()
	case then.kvMost >= .95 || then.preemptions > 0:
		return "the KV cache was full, and " + grew + " while KV cache usage stood at up to " + quantity.Format(then.kvMost, quantity.Ratio) + preempted(then.preemptions) + e.holders(class)
	case then.deferredMost > then.waitedMost/2:
		return fmt.Sprintf("up to %s of them were held back by something else than room, such as a slot for their adapter or a grammar; %s", quantity.Digits(then.deferredMost), grew)
	case then.perStep() >= fullStep:
		return fmt.Sprintf("its steps were full of prompts, %s tokens each on average; %s; %s", quantity.Digits(then.perStep()), e.promptLoad(then, class), grew)
	case then.full > 0 && 2*then.full >= then.queued:
		return fmt.Sprintf("all %s places in its batch were taken, and %s while KV cache usage was at most %s", quantity.Digits(then.runningMost), grew, quantity.Format(then.kvMost, quantity.Ratio))
	}
	return fmt.Sprintf("%s, although KV cache usage was at most %s with at most %s requests at once; what they waited for was not seen; %s",
		grew, quantity.Format(then.kvMost, quantity.Ratio), quantity.Digits(then.runningMost), e.promptLoad(then, class))
}

// fullStep is how many tokens a step has at least that is full of prompts: half of
// the least bound that vLLM sets itself (max_num_batched_tokens).
const fullStep = 1024

func (s seen) perStep() float64 { return s.stepTokens / max(1, s.steps) }

func preempted(n float64) string {
	if n == 0 {
		return ""
	}
	if n == 1 {
		return " and 1 preemption happened"
	}
	return " and " + quantity.Digits(n) + " preemptions happened"
}

// Rates of arriving and answered requests that differ by more make a queue that
// grows for good.
const oversaturation = 1.1

func (e *Observer) oversaturated(then seen) string {
	if _, users := e.w.Run.Scenario.Load.(harness.Closed); users {
		return "" // they ask no more than is answered
	}
	due, ended := float64(e.load.due)/e.w.Seconds(), float64(e.load.ended)/e.w.Seconds()
	if due < oversaturation*ended || then.waitedMost < 10 {
		return ""
	}
	return fmt.Sprintf("; more came than it could answer: %s requests per second were due, %s were answered", quantity.Digits(due), quantity.Digits(ended))
}
