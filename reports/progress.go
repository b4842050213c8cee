package reports

import (
	"fmt"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// Progress is how far a run has come.
type Progress struct {
	Now, Planned       time.Duration // Planned is 0 where unknown
	Due, Failed        int           // requests that have ended, and those that failed
	Share              float64       // 0–1 of the load; NaN where unknown
	Left               string        // "3 min 20 s left", or why that is unknown
	Met, Missed, Total int           // objectives, so far
	Omitted            int           // requests that the page had no time for
}

// NewProgress is how far a run of this scenario has come after so long, with so many
// requests ended. A load that ends by a count gets on by its requests.
func NewProgress(s harness.Scenario, now time.Duration, ended int) Progress {
	p := Progress{Now: now, Due: ended, Share: math.NaN()}
	count := 0
	switch load := s.Load.(type) {
	case harness.Open:
		p.Planned, count = load.Planned(), load.Requests
	case harness.Closed:
		p.Planned, count = load.For, load.Requests
	}
	if p.Planned > 0 {
		p.Share = min(1, now.Seconds()/p.Planned.Seconds())
	}
	if share := float64(ended) / float64(max(1, count)); count > 0 && !(p.Share > share) {
		p.Share = min(1, share)
	}
	switch {
	case p.Share >= 1:
		p.Left = "waiting for the last answers"
	case p.Share > 0.01:
		p.Left = span(time.Duration(now.Seconds()*(1-p.Share)/p.Share*float64(time.Second)).Round(time.Second)) + " left"
	case p.Planned > 0:
		p.Left = span(p.Planned-now) + " left"
	default:
		p.Left = "how long it takes is not known yet"
	}
	return p
}

// Percent is the share in per cent; 0 where unknown.
func (p Progress) Percent() float64 {
	if math.IsNaN(p.Share) {
		return 0
	}
	return math.Round(p.Share*1000) / 10
}

// Says is the progress in one sentence.
func (p Progress) Says() string {
	of := ""
	if p.Planned > 0 && p.Now >= time.Second {
		of = " of " + span(p.Planned)
	}
	if p.Now < time.Second {
		return "just begun" + of + ", " + p.Left
	}
	return fmt.Sprintf("%s%s, %s", span(p.Now.Truncate(time.Second)), of, p.Left)
}

// NewRunningView is the page of a run that goes on, as far as it has come. The run
// holds what is known of it by now; its streams are not read.
func NewRunningView(d *chart.Drawing, run *harness.Run, measured *measure.Window, m store.Manifest, p Progress) View {
	verdicts := slo.JudgeSoFar(measured, run.Scenario.Objectives)
	v := newView(d, run, measured, verdicts, m)
	v.Outcome = "running"
	for i, verdict := range verdicts {
		o := &v.Objectives[i]
		o.SQL, o.Says = "", soFar(verdict)
	}
	p.count(d, verdicts)
	v.Running, v.Headline = &p, p.headline(m.Simulated())
	v.Data.OfferedSoFar(d)
	v.Data.End = math.Max(p.Planned.Seconds(), p.Now.Seconds())
	return v
}

// NewRunningLine is of that what is shown in one line: which run it is, the progress, how
// objectives stand, and p99 TTFT. It costs next to nothing.
func NewRunningLine(d *chart.Drawing, s harness.Scenario, measured *measure.Window, m store.Manifest, p Progress) View {
	p.count(d, slo.JudgeSoFar(measured, s.Objectives))
	v := View{Title: s.Name, Part: partOf(m), Outcome: "running", Running: &p, Headline: p.headline(false)}
	if ttft := measured.Spread(metric.NameTTFT); ttft.N() > 0 {
		v.Figures = []Figures{{Name: metric.NameTTFT, Values: []Fact{{"p99", quantity.Format(ttft.Quantile(.99, 0), quantity.Seconds)}}}}
	}
	return v
}

// count is how objectives stand.
func (p *Progress) count(d *chart.Drawing, verdicts []slo.Verdict) {
	p.Failed, p.Total = d.Failed(), len(verdicts)
	for _, v := range verdicts {
		switch v.Outcome {
		case slo.Met:
			p.Met++
		case slo.Missed:
			p.Missed++
		}
	}
}

// A Part is which of several runs of its scenario a run is; the zero value of the only one.
type Part struct {
	Which   string // "point 2 of 3"
	Setting string // "4 per second"; "" where runs do not differ in it
}

// String is the part in words; "" for none.
func (p Part) String() string {
	if p.Setting == "" {
		return p.Which
	}
	return p.Which + ", " + p.Setting
}

func partOf(m store.Manifest) (part Part) {
	t := m.Trial
	if t == nil {
		return Part{}
	}
	part.Which = fmt.Sprintf("%s %d", t.Kind, t.Number)
	if t.Planned > 0 {
		part.Which += fmt.Sprintf(" of %d", t.Planned)
	}
	if t.Setting > 0 {
		part.Setting = trials.Scale(t.Scale).Quantity(t.Setting)
	}
	return part
}

// allHold says that all of so many objectives hold.
func allHold(n int) string {
	switch n {
	case 1:
		return "the one objective holds"
	case 2:
		return "both objectives hold"
	}
	return fmt.Sprintf("all %d objectives hold", n)
}

func soFar(v slo.Verdict) string {
	switch v.Outcome {
	case slo.Met:
		return "met so far"
	case slo.Missed:
		return "missed so far"
	}
	return "not yet known"
}

// Waiting is the page before the first run.
func Waiting() View {
	return View{Title: "No run yet", Headline: "Waiting for the first run.", Outcome: "running", Data: chart.Nothing()}
}

// headline is how the objectives stand, of the mock or of a real server.
func (p Progress) headline(ofMock bool) string {
	running := Simulated("Running", ofMock)
	switch {
	case p.Total == 0:
		return running + "."
	case p.Missed > 0:
		return fmt.Sprintf("%s: %d of %d objectives missed so far.", running, p.Missed, p.Total)
	case p.Met == p.Total:
		return fmt.Sprintf("%s: %s so far.", running, allHold(p.Total))
	}
	return fmt.Sprintf("%s: %d of %d objectives hold so far, %d not yet known.", running, p.Met, p.Total, p.Total-p.Met)
}

// Clock is how long the run lasts by now, and how long it is to last, in little room: "39 s of 1:40".
func (p Progress) Clock() string {
	if p.Planned > 0 {
		return clock(p.Now) + " of " + clock(p.Planned)
	}
	return clock(p.Now)
}

// clock is a time to the second: "39 s", "1:40", "2:05:00".
func clock(d time.Duration) string {
	s := int(d / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
