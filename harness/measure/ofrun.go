package measure

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// The figures of a run as a whole.

// total is how much there was of something.
func (w *Window) total(t metric.Total) Estimate {
	amount := 0.0
	switch t.Of {
	case metric.Due:
		amount = float64(w.Due)
	case metric.Ended:
		amount = float64(w.ended)
	case metric.OutputTokens:
		if !w.told && !w.noneAnswered() {
			return without("the server reported no token counts: it must support stream_options.include_usage")
		}
		amount = w.tokens
	case metric.Inputs:
		amount = float64(w.inputs)
	case metric.ClipSeconds:
		amount = w.clips.Seconds()
	case metric.PromptTokens:
		if w.prompts == 0 && !w.noneAnswered() {
			return without("the server reported no token counts")
		}
		amount = float64(w.prompts)
	}
	switch {
	case t.PerSecond:
		return perSecond(w, amount)
	case w.Due == 0:
		return without(NothingDue)
	}
	return exact(amount, w.Due)
}

func perSecond(w *Window, amount float64) Estimate {
	if w.Due == 0 || w.Seconds() <= 0 {
		return without(NothingDue)
	}
	return exact(amount/w.Seconds(), w.Due)
}

// errorRate is a fact: these are all the requests there were.
func errorRate(w *Window) Estimate {
	if w.Due == 0 {
		return without(NothingDue)
	}
	if w.cut > 0 {
		return errorsWithCut(w)
	}
	return exact(float64(w.Failed)/float64(w.Due), w.Due)
}

// valid is the share of valid answers. What an answer says does not depend on those before it.
func valid(w *Window) Estimate {
	checked := w.Endings.CheckedAnswers()
	if checked == 0 {
		return without("no answer was checked; say what answers have to be, such as: And answers follow the schema \"answer.json\"")
	}
	e := Estimate{Value: float64(w.Endings.Checked[harness.Valid]) / float64(checked), N: checked, Effective: float64(checked), Unit: 1}
	e.Lo, e.Hi = stats.Share(w.Endings.Checked[harness.Valid], checked, float64(checked), Confidence)
	e.here.Lo, e.here.Hi = e.Lo, e.Hi
	if found := w.Endings.Found(); found != "" {
		e.Notes = []string{found}
	}
	return e
}

// Coalesced is the share of chunks whose own arrival is unknown.
func Coalesced(w *Window) Estimate {
	if w.Chunks == 0 {
		return without("no answer had any content")
	}
	return exact(float64(w.SharedStamps)/float64(w.Chunks), w.Chunks)
}

func attainment(w *Window) Estimate {
	if w.Due == 0 {
		return without(NothingDue)
	}
	for _, o := range w.Run.Scenario.Good {
		if m, err := metric.OfRow(o); err == nil && m.IsLatency() && m.NeedsTokenCounts() && !w.told && !w.noneAnswered() {
			return without("what makes a request good is its " + m.Name + ", but the server reported no token counts: it must support stream_options.include_usage")
		}
		// What no request of another tool's file has is not known; of a run of ours it is what no request came to.
		if m, err := metric.Lookup(o.Metric); err == nil && w.Run.Imported != nil && w.Answered > 0 && w.figure(m.PerRequest()).values.N() == 0 {
			return without("what makes a request good is its " + m.Name + ", which is not known: the files of " + w.Run.Imported.By + " do not have it")
		}
	}
	if w.goods.N() == 0 {
		return without(undecided(w.cut, "whether they would have been good is not known"))
	}
	effective := effectiveOfGood(w)
	e := Estimate{Value: float64(w.Good) / float64(w.Due), N: w.Due, Effective: effective, Unit: 1}
	e.Lo, e.Hi = stats.Share(w.Good, w.Due, effective, Confidence)
	e.here.Lo, e.here.Hi = stats.Share(w.Good, w.Due, float64(w.Due), Confidence)
	if w.maybe > 0 {
		return attainmentWithCut(w, e)
	}
	return e
}

// dense is the quantile that shows how requests depend on each other where misses
// are too rare to: every tenth request lies beyond it.
const dense = 0.9

// effectiveOfGood is how many independent requests tell as much of their being good as
// these do: by those that are not, and by the latencies that would make them so.
func effectiveOfGood(w *Window) float64 {
	share := w.goods.EffectiveSizeOfMean() / float64(w.goods.N())
	for _, o := range w.Run.Scenario.Good {
		m, _ := metric.Lookup(o.Metric)
		if order := &w.figure(m.PerRequest()).order; order.N() > 0 {
			share = min(share, order.EffectiveSize(dense)/float64(order.N()))
		}
	}
	return share * float64(w.Due)
}

// share is attainment, or goodput.
func (w *Window) share(of metric.Attainment) Estimate {
	if !of.PerSecond {
		return attainment(w)
	}
	rate := w.total(metric.Total{Of: metric.Due, PerSecond: true})
	if rate.Reason != "" {
		return rate
	}
	e := attainment(w)
	e.Value, e.Lo, e.Hi = e.Value*rate.Value, e.Lo*rate.Value, e.Hi*rate.Value
	e.here, e.Unit = Interval{e.here.Lo * rate.Value, e.here.Hi * rate.Value}, rate.Value
	return e
}

// inFlight is the mean or the greatest number of requests in flight.
func inFlight(w *Window, statistic string) Estimate {
	switch {
	case w.GoesOn:
		return without("it is known at the end of the run")
	case w.flight.n == 0 || w.Seconds() <= 0:
		return without(NothingDue)
	case statistic == "max":
		return exact(float64(w.flight.greatest()), w.flight.n)
	}
	return exact(w.flight.area.Seconds()/w.Seconds(), w.flight.n)
}
