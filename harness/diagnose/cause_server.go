package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// prompts says why prompts took long to compute.
func (e *Observer) prompts(q *inquiry) string {
	own, others := q.slow.promptMean(), q.fast.promptMean()
	then, _ := q.seen()
	if q.slow.told > 0 && q.fast.told > 0 && own >= 1.5*others {
		return fmt.Sprintf("they are long themselves, %s tokens on average, those of the others %s", quantity.Digits(own), quantity.Digits(others))
	}
	if name, _, _ := e.longPrompts(q.limit.Class); name != "" || then.perStep() >= fullStep {
		return "the steps in which they were computed were full of prompts: " + e.promptLoad(then, q.limit.Class)
	}
	return fmt.Sprintf("they have %s tokens on average, and %s prompt tokens came per second; nothing that was seen made them slower", quantity.Digits(own), quantity.Digits(then.perSecond()))
}

func (g group) promptMean() float64 { return float64(g.prompt) / float64(max(1, g.told)) }

// promptLoad is how many prompt tokens there were to compute, and whose.
func (e *Observer) promptLoad(then seen, class string) string {
	s := fmt.Sprintf("%s prompt tokens came per second", quantity.Digits(then.prompt/max(1e-9, then.seconds)))
	if name, share, mean := e.longPrompts(class); name != "" {
		s = fmt.Sprintf("prompts of the class %s took part in them, %s tokens each and %s of all", name, quantity.Digits(mean), quantity.Format(share, quantity.Ratio))
	}
	return s
}

// longPrompts is another class whose prompts make up most of all prompt tokens and
// are at least twice as long as those of the class that suffers.
func (e *Observer) longPrompts(class string) (name string, share, mean float64) {
	all, others := 0, *new(classSeen)
	for of, c := range e.load.classes {
		all += c.prompt
		if class == "" || of == class {
			others.prompts, others.prompt = others.prompts+c.prompts, others.prompt+c.prompt
		}
	}
	for of, c := range e.load.classes {
		if of == "" || of == class || c.prompts == 0 || all == 0 {
			continue
		}
		each, usual := float64(c.prompt)/float64(c.prompts), float64(others.prompt)/float64(max(1, others.prompts))
		if s := float64(c.prompt) / float64(all); s > max(.5, share) && each >= 2*usual {
			name, share, mean = of, s, each
		}
	}
	return name, share, mean
}

// holders is the class that held most of the KV cache, where that is another one.
func (e *Observer) holders(class string) string {
	if len(e.load.classes) < 2 {
		return ""
	}
	held := func(c *classSeen) float64 { return c.held }
	names := slices.SortedFunc(maps.Keys(e.load.classes), func(a, b string) int {
		return cmp.Or(cmp.Compare(held(e.load.classes[b]), held(e.load.classes[a])), strings.Compare(a, b))
	})
	all := 0.0
	for _, name := range names {
		all += held(e.load.classes[name])
	}
	most := names[0]
	share := held(e.load.classes[most]) / all
	if all == 0 || most == class || share <= .5 {
		return ""
	}
	return fmt.Sprintf("; requests of the class %s held %s of what was in it", most, quantity.Format(share, quantity.Ratio))
}

// stalled is for answers that stopped, or never began, though it was their turn.
func (e *Observer) stalled(q *inquiry) slo.Cause {
	then, _ := q.seen()
	longest := quantity.Format(q.slow.longest.Seconds(), quantity.Seconds)
	switch {
	case then.stood > 0:
		return e.stood(then)
	case then.preemptions > 0 && then.kvMost >= .7:
		return reason("answers were preempted in their middle, for up to " + longest).With(e.fullCache(then, q.limit.Class))
	case then.n == 0:
		return reason("answers stopped in their middle, for up to " + longest).With("; what the server did meanwhile was not seen, as its metrics could not be read" + e.unread())
	case then.gap.n > 0 && then.gap.most < q.slow.longest.Seconds():
		return reason("answers stopped in their middle, for up to " + longest + ", while the engine went on").
			With(fmt.Sprintf(": by its own account no token came later than %s after the one before; its front end, a proxy or the network held them up", quantity.Format(then.gap.most, quantity.Seconds)))
	}
	return e.decoding(q)
}

// fullCache is the evidence that the KV cache was full, and which class filled it.
func (e *Observer) fullCache(then seen, class string) string {
	return ": the KV cache was full, its usage stood at up to " + quantity.Format(then.kvMost, quantity.Ratio) + preempted(then.preemptions) + e.holders(class)
}

// stood is for an engine that gave nothing although it had requests.
func (e *Observer) stood(then seen) slo.Cause {
	at := func(d time.Duration) string { return quantity.Format(d.Seconds(), quantity.Seconds) }
	return slo.Cause{Phase: slo.PhaseStall, Summary: "the engine stood still"}.
		With(fmt.Sprintf(": from %s to %s of the run it gave no token for %s, although requests were there", at(then.stoodFrom), at(then.stoodTo), at(then.stood)))
}

// decoding is for tokens that came slowly one after the other.
func (e *Observer) decoding(q *inquiry) slo.Cause {
	then, otherwise := q.seen()
	slow, usual := then.gap.mean(), otherwise.gap.mean()
	const slowly = "tokens came slowly one after the other, "
	if then.n == 0 || then.gap.n == 0 {
		return reason(slowly + "and what the server did meanwhile was not seen, as its metrics could not be read").With(e.unread())
	}
	s := slowly + fmt.Sprintf("%s apart on average by the server's own account", quantity.Format(slow, quantity.Seconds))
	contrast := otherwise.gap.n > 0 && slow >= 1.3*usual
	name, _, _ := e.longPrompts(q.limit.Class)
	client := (q.slow.after.Decode + q.slow.after.Stall) / float64(max(1, q.slow.gaps))
	switch {
	case then.stood > 0:
		return e.stood(then)
	case client > 2*slow && then.gap.most < q.slow.longest.Seconds():
		return reason(s + fmt.Sprintf(", but %s as they came to the client", quantity.Format(client, quantity.Seconds))).With(": its front end, a proxy or the network held them up")
	case then.preemptions > 0:
		return reason(s).With(e.fullCache(then, q.limit.Class))
	case name != "":
		return reason(s).With(": steps were full of prompts; " + e.promptLoad(then, q.limit.Class))
	case q.alone(slow):
		return reason(s + fmt.Sprintf(", with gaps of up to %s among them", quantity.Format(q.slow.longest.Seconds(), quantity.Seconds))).
			With(fmt.Sprintf(": steps that compute prompts take longer, and %s prompt tokens came per second meanwhile", quantity.Digits(then.perSecond())))
	case contrast:
		return e.slowerThanUsual(s, then, otherwise)
	}
	return reason(s + fmt.Sprintf(", all the time, with %s requests running and %s prompt tokens per second", quantity.Digits(then.running), quantity.Digits(then.perSecond()))).
		With(": the server is no faster at this load" + e.heldBack())
}

// slowerThanUsual is for tokens that came more slowly then than otherwise: what the
// engine had more of to do.
func (e *Observer) slowerThanUsual(s string, then, otherwise seen) slo.Cause {
	usual := quantity.Format(otherwise.gap.mean(), quantity.Seconds)
	switch {
	case then.running >= 1.5*otherwise.running && then.rate() >= 1.3*otherwise.rate():
		return reason(s + " and " + usual + " otherwise").
			With(fmt.Sprintf(": the batch was larger, %s requests at once on average, %s otherwise", quantity.Digits(then.running), quantity.Digits(otherwise.running)))
	case then.perSecond() >= 1.5*otherwise.perSecond():
		return reason(s + " and " + usual + " otherwise").
			With(fmt.Sprintf(": steps were full of prompts; %s prompt tokens came per second, %s otherwise", quantity.Digits(then.perSecond()), quantity.Digits(otherwise.perSecond())))
	}
	return reason(s + fmt.Sprintf(" from %s to %s and %s otherwise, with %s requests running, %s otherwise", quantity.Format(then.first.Seconds(), quantity.Seconds), quantity.Format(then.until.Seconds(), quantity.Seconds), usual, quantity.Digits(then.running), quantity.Digits(otherwise.running))).
		With(": the engine's steps grew slower with no more to do" + e.heldBack())
}

// alone reports whether it is single gaps that were too long, and not all of them.
func (q *inquiry) alone(mean float64) bool {
	const times = 3
	return q.phase() == metric.FromFirst && q.metric.ComparesStamps() && q.limit.Relation == harness.AtMost && q.limit.Limit >= times*mean
}

// heldBack says that a GPU's clock was lower than it could be, for another reason than
// its power limit, which is usual under load.
func (e *Observer) heldBack() string {
	if e.w.Throttled() {
		return "; heat or the hardware held back the clock of a GPU meanwhile"
	}
	return ""
}

// rate is how many output tokens came per second. A batch that is larger because
// its steps are slow gives no more of them.
func (s seen) rate() float64 { return s.output / max(1e-9, s.seconds) }

// perSecond is how many prompt tokens came.
func (s seen) perSecond() float64 { return s.prompt / max(1e-9, s.seconds) }

// tooLittle is why fewer came than was asked for.
func (e *Observer) tooLittle(failed *failures) slo.Cause {
	due, ended := float64(e.load.due)/e.w.Seconds(), float64(e.load.ended)/e.w.Seconds()
	then := e.line.in(func(i int) bool { return e.line.ticks[i].waiting > 0 })
	switch {
	case failed.n*50 > failed.due:
		return failed.because()
	case then.queued > 0 && due > oversaturation*ended:
		return e.queued(then)
	case !e.line.read():
		return reason("no more came").With(fmt.Sprintf(": %s requests per second were due and %s were answered; what the server did was not seen, as its metrics could not be read", quantity.Digits(due), quantity.Digits(ended)) + e.unread())
	}
	return reason("the load asked for no more").With(fmt.Sprintf(": %s requests per second were due and %s were answered", quantity.Digits(due), quantity.Digits(ended)))
}

// queued is for requests that waited, whatever became of each.
func (e *Observer) queued(then seen) slo.Cause {
	return slo.Cause{Phase: slo.PhaseQueue, Summary: "requests waited in the server's queue"}.With(": " + e.resource(then, "") + e.oversaturated(then))
}

// ofTheServer is why one of the server's own figures is beyond its limit.
func (e *Observer) ofTheServer(m metric.Metric) slo.Cause {
	all := e.line.in(func(int) bool { return true })
	queued := e.line.in(func(i int) bool { return e.line.ticks[i].waiting > 0 })
	_, isShare := m.Source.(metric.Ratio) // of what was looked up or drafted, however long the queue is
	switch {
	case all.n == 0:
		return reason("of something that was not seen").With(": the server's metrics could not be read" + e.unread())
	case all.stood > 0:
		return e.stood(all)
	case m.RestsOn(vllm.KVCacheUsage) || m.RestsOn(vllm.NumPreemptions):
		return reason("the KV cache was full").With(fmt.Sprintf(": its usage stood at up to %s with up to %s requests at once%s", quantity.Format(all.kvMost, quantity.Ratio), quantity.Digits(all.runningMost), preempted(all.preemptions)) + e.holders(""))
	case queued.n > 0 && !isShare:
		return e.queued(queued)
	}
	return slo.NotSeen()
}
