package slo

import (
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// cause says in one sentence why a verdict is not met: the phase in which the time
// went, and what was seen that speaks for it. Where nothing was seen, it says so.
func (e *explanation) cause(v Verdict) string {
	switch v.Outcome {
	case Unknown:
		return e.unknown(v)
	case Missed:
		return v.Name() + " was missed because " + e.because(v)
	}
	return ""
}

// unknown names what keeps a verdict from being known: what makes the run unsound
// stands before the other notes, and else the reason stands last.
func (e *explanation) unknown(v Verdict) string {
	if len(v.Notes) == 0 {
		return ""
	}
	why := v.Notes[len(v.Notes)-1]
	if unsound := e.w.Audit(); len(unsound) > 0 {
		why = unsound[0]
	}
	if m, err := Lookup(v.Metric); err == nil && m.ofServer() {
		why += e.unread()
	}
	return v.Name() + " is not known because " + why
}

// unread says what the scraper met where readings are missing; "" where none are.
func (e *explanation) unread() string {
	for _, warning := range e.w.run.Warnings {
		if strings.Contains(warning, "readings of the server are missing") {
			return fmt.Sprintf("; its /metrics did not answer as it should (%s)", shortened(warning))
		}
	}
	return ""
}

// Because is a verdict's cause without its beginning: what follows "because".
func (v Verdict) Because() string {
	if _, because, ok := strings.Cut(v.Cause, " because "); ok {
		return because
	}
	return v.Cause
}

func (e *explanation) because(v Verdict) string {
	m, err := Lookup(v.Metric)
	failed := e.failures[v.Class]
	if failed == nil {
		failed = newFailures()
	}
	q := e.of(v)
	switch {
	case err != nil:
		return "of " + notSeen
	case m.Name == "error rate" && failed.n > 0:
		return failed.because()
	case m.Name == "lag":
		return "the client itself was late" + e.w.starved()
	case q != nil && v.Relation == harness.AtLeast && m.figure == nil:
		return "it was less than was asked for, which is no fault"
	case q != nil && failed.n > q.slow.n:
		return failed.because()
	case q != nil && q.slow.n > 0:
		return e.slowness(q)
	case m.Name == "request throughput" || m.Name == "output throughput":
		return e.tooLittle(failed)
	case m.ofServer() || m.flight || m.Name == "backlog":
		return e.ofTheServer(m)
	}
	return "of " + notSeen
}

const notSeen = "something that was not seen: neither the requests nor the server's metrics stand out"

// slowness is why requests were too slow for a limit.
func (e *explanation) slowness(q *inquiry) string {
	excess, slow := q.excess()
	var s string
	switch phase := excess.most(); phase {
	case "client":
		s = e.clientWaits(slow)
	case "network":
		s = q.onTheWay(slow)
	case "front end":
		s = e.inFront(q, slow)
	case "queue":
		s = fmt.Sprintf("requests waited in the server's queue, %s on average of those that were too slow: ", FormatQuantity(slow.Queue, Seconds)) + e.queueing(q)
	case "prefill":
		s = fmt.Sprintf("prompts took long to compute, %s on average of those that were too slow: ", FormatQuantity(slow.Prefill, Seconds)) + e.prompts(q)
	case "stall":
		s = e.stalled(q)
	case "decode":
		s = e.decoding(q)
	default:
		s = e.inTheServer(slow)
	}
	if q.opened() {
		s += fmt.Sprintf("; %s of those %s were the first requests of their users, who all begin at once (a warm-up leaves them out)", grouped(q.slow.opening), grouped(q.slow.n))
	}
	if q.verdict == nil || q.metric.Name != q.verdict.Metric { // a part of goodput
		s = fmt.Sprintf("%s missed %s: ", counted(q.slow.n, "request"), q.limit.Text) + s
	}
	return s
}

// clientWaits is for requests that were sent late.
func (e *explanation) clientWaits(slow Phases) string {
	if open, ok := e.w.run.Scenario.Load.(harness.Open); ok && open.InFlight > 0 {
		return fmt.Sprintf("requests waited %s on average for one of the %s places that the scenario gives them: so many were not answered as fast as requests came", FormatQuantity(slow.Client, Seconds), grouped(open.InFlight))
	}
	return fmt.Sprintf("the client sent them late, by %s on average%s", FormatQuantity(slow.Client, Seconds), e.w.starved())
}

// onTheWay is for time that the server knows nothing of.
func (q *inquiry) onTheWay(slow Phases) string {
	s := fmt.Sprintf("time passed between client and server, %s on average of those that were too slow", FormatQuantity(slow.Network, Seconds))
	then, _ := q.seen()
	var most float64
	for i, k := range q.line.ticks {
		if q.touched[i] && k.first.n > 0 {
			most = max(most, k.first.most)
		}
	}
	switch {
	case q.slow.headers.Seconds()/float64(max(1, q.slow.n)) < slow.Network/2 && then.n > 0 && most > 0 && most < slow.Total():
		s += fmt.Sprintf(": by its own account the server gave no first token later than %s after a request had come; the network, a proxy or its front end held them up", FormatQuantity(most, Seconds))
	default:
		s += ": connecting, and until the headers came, which the server sends before it begins; the network, a proxy or its front end held them up"
	}
	return s
}

// inFront is for time that the server counts, and its engine does not.
func (e *explanation) inFront(q *inquiry, slow Phases) string {
	s := fmt.Sprintf("requests waited in the server's front end, %s on average of those that were too slow", FormatQuantity(slow.FrontEnd, Seconds))
	if f := e.line.frontEnd(); f.first > 0 {
		s += fmt.Sprintf(": by its own account the first tokens of all requests took %s on average, and of that %s in its queue and in computing", FormatQuantity(f.first, Seconds), FormatQuantity(f.engine, Seconds))
	}
	then, _ := q.seen()
	return s + fmt.Sprintf("; %s output tokens per second went through it meanwhile", digits(then.rate()))
}

// inTheServer is for time between headers and first token that nobody splits.
func (e *explanation) inTheServer(slow Phases) string {
	s := fmt.Sprintf("%s on average passed in the server before the first token", FormatQuantity(slow.Server, Seconds))
	if e.line.read() {
		return s + "; its metrics do not tell whether in its queue or in computing"
	}
	return s + "; whether in its queue or in computing was not seen, as its metrics could not be read" + e.unread()
}

// queueing says what the queue waited for.
func (e *explanation) queueing(q *inquiry) string {
	then, _ := q.seen()
	return e.resource(then, q.limit.Class) + e.oversaturated(then)
}

// resource is what was used up while requests waited.
func (e *explanation) resource(then seen, class string) string {
	grew := fmt.Sprintf("the queue grew from %s to %s", digits(then.waited), digits(then.waitedMost))
	switch {
	case then.n == 0:
		return "what for was not seen, as the server's metrics could not be read" + e.unread()
	case then.kvMost >= .95 || then.preemptions > 0:
		return "the KV cache was full, and " + grew + " while KV cache usage stood at up to " + FormatQuantity(then.kvMost, Ratio) + preempted(then.preemptions) + e.holders(class)
	case then.deferredMost > then.waitedMost/2:
		return fmt.Sprintf("up to %s of them were held back by something else than room, such as a slot for their adapter or a grammar; %s", digits(then.deferredMost), grew)
	case then.perStep() >= fullStep:
		return fmt.Sprintf("its steps were full of prompts, %s tokens each on average; %s; %s", digits(then.perStep()), e.promptLoad(then, class), grew)
	case then.full > 0 && 2*then.full >= then.queued:
		return fmt.Sprintf("all %s places in its batch were taken, and %s while KV cache usage was at most %s", digits(then.runningMost), grew, FormatQuantity(then.kvMost, Ratio))
	}
	return fmt.Sprintf("%s, although KV cache usage was at most %s with at most %s requests at once; what they waited for was not seen; %s",
		grew, FormatQuantity(then.kvMost, Ratio), digits(then.runningMost), e.promptLoad(then, class))
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
	return " and " + digits(n) + " preemptions happened"
}

// Rates of arriving and answered requests that differ by more make a queue that
// grows for good.
const oversaturation = 1.1

func (e *explanation) oversaturated(then seen) string {
	if _, users := e.w.run.Scenario.Load.(harness.Closed); users {
		return "" // they ask no more than is answered
	}
	due, ended := float64(e.load.due)/e.w.seconds(), float64(e.load.ended)/e.w.seconds()
	if due < oversaturation*ended || then.waitedMost < 10 {
		return ""
	}
	return fmt.Sprintf("; more came than it could answer: %s requests per second were due, %s were answered", digits(due), digits(ended))
}
