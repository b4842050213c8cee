package chart

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// A Panel is one chart over time.
type Panel struct {
	Group  string   `json:"group"` // of panels that belong together
	Name   string   `json:"name"`
	Says   string   `json:"says"` // what it shows, in one sentence
	Unit   string   `json:"unit"` // of the axis
	Stack  bool     `json:"stack,omitempty"`
	Series []Series `json:"series"`
	Absent string   `json:"-"` // why there is nothing to draw
	unread string   // the source that gave nothing at all
	SQL    string   `json:"-"` // what gives it from the files
}

// A Series is one line of a panel.
type Series struct {
	Name string    `json:"name"`
	At   []float64 `json:"at"` // s
	V    []float64 `json:"v"`
}

// NewSeries is a line without points.
func NewSeries(name string) Series { return Series{Name: name, At: []float64{}, V: []float64{}} }

// Add adds a point, with as many digits as are seen.
func (s *Series) Add(at, v float64) { s.At, s.V = append(s.At, at), append(s.V, round4(v)) }

// A plan is a panel before there is anything to draw.
type plan struct {
	group, name, says, unit string
	of                      sql.Readings
	lines                   []sql.Line
	absent                  string
}

// watching keeps the readings that panels are made of.
type watching struct {
	most  int
	plans []plan
	asked map[string][]place       // source and series → the lines that are made of it
	read  map[string]time.Duration // when each source was first read
	rises *ledger.Counters
	kept  map[lineKey]*readings
	order []lineKey
}

// A place is a line of a plan, by the numbers of both.
type place struct{ plan, line int }

// A lineKey is a line of a plan and, where each GPU has its own, which.
type lineKey struct {
	place
	gpu, host string
}

func (k lineKey) name(of sql.Line) string {
	name := of.Name
	if k.gpu != "" {
		name += " " + k.gpu
	}
	if k.host != "" {
		name += " of " + k.host
	}
	return name
}

func newWatching(most int) *watching {
	w := &watching{most: most, plans: plans(), asked: map[string][]place{}, read: map[string]time.Duration{}, rises: ledger.NewCounters(), kept: map[lineKey]*readings{}}
	for i, p := range w.plans {
		for j, l := range p.lines {
			key := p.of.Source + " " + l.Series
			w.asked[key] = append(w.asked[key], place{i, j})
		}
	}
	return w
}

// Sample takes a reading.
func (d *Drawing) Sample(s harness.Sample) {
	if s.Source == metric.Client && s.Series == harness.SeriesIssued {
		d.issued.take(s.At, s.Value)
	}
	d.watched.take(s)
	d.pages.Take(s)
}

func (w *watching) take(s harness.Sample) {
	if _, read := w.read[s.Source]; !read {
		w.read[s.Source] = s.At
	}
	places := w.asked[s.Source+" "+s.Series]
	rise := 0.0
	if slices.ContainsFunc(places, func(p place) bool { return w.plans[p.plan].of.Rises }) {
		rise, _ = w.rises.Rise(s, w.read[s.Source])
	}
	for _, at := range places {
		plan := w.plans[at.plan].of
		key := lineKey{place: at}
		if plan.Each {
			key.gpu, key.host = s.Labels["gpu"], s.Labels["host"]
		}
		of := w.kept[key]
		if of == nil {
			of = &readings{most: w.most, of: plan}
			w.kept[key] = of
			w.order = append(w.order, key)
		}
		if plan.Rises {
			of.rose(s.At, rise)
		} else {
			of.take(s.At, s.Value)
		}
	}
}

// panels are what can be drawn by now. A panel without a reading says why.
func (w *watching) panels(virtual bool) (out []Panel) {
	for i, p := range w.plans {
		_, read := w.read[p.of.Source]
		panel := Panel{Group: p.group, Name: p.name, Says: p.says, Unit: p.unit, Absent: p.absent}
		keys, step := w.sorted(i), time.Duration(0)
		for _, key := range keys {
			step = max(step, w.kept[key].step)
		}
		for _, key := range keys {
			s := w.kept[key].series(step)
			s.Name = key.name(p.lines[key.line])
			if len(s.At) > 0 {
				panel.Series, panel.Absent = append(panel.Series, s), ""
			}
		}
		switch {
		case panel.Absent == "":
		case virtual && p.group == groupMachine:
			panel.Absent = "Not in virtual time, in which a second of the run takes no second of this machine."
		case read && p.group == groupGPU:
			panel.Absent = "The GPUs were read, but they, their driver or their exporter do not tell it."
		case read && p.of.Source == metric.Server:
			panel.Absent = "The server's metrics were read, but do not have it."
		case !read:
			panel.unread = p.of.Source
		}
		if panel.Absent == "" {
			panel.SQL = sql.Sampled(p.of, p.lines, step)
		}
		out = append(out, panel)
	}
	return out
}

// because gives the panels of sources that were never read the reason.
func because(panels []Panel, unread map[string]string) {
	names := map[string]string{metric.Server: "The server's metrics", metric.GPU: "The GPUs"}
	for i := range panels {
		p := &panels[i]
		if why := unread[p.unread]; why != "" && names[p.unread] != "" {
			p.Absent = names[p.unread] + " could not be read: " + why + "."
		}
	}
}

// sorted are the lines of a panel in its order, those of one line by their labels.
func (w *watching) sorted(plan int) (keys []lineKey) {
	for _, key := range w.order {
		if key.plan == plan {
			keys = append(keys, key)
		}
	}
	slices.SortStableFunc(keys, func(a, b lineKey) int {
		x, errX := strconv.Atoi(a.gpu)
		y, errY := strconv.Atoi(b.gpu)
		if errX != nil || errY != nil {
			x, y = 0, 0
		}
		return cmp.Or(a.line-b.line, cmp.Compare(a.host, b.host), x-y, cmp.Compare(a.gpu, b.gpu))
	})
	return keys
}

// readings are those of one line: a bounded number, however many come. Once there are
// too many, the greatest of each step of time is kept, which of a counter is the last,
// at the instant of the first; steps grow as the run does.
type readings struct {
	most    int
	of      sql.Readings
	step    time.Duration // 0 as long as all are kept
	at      []time.Duration
	v       []float64
	instant time.Duration
	now     float64 // of the instant; of counters, by how much they rose until then
}

// leastStep is the first step.
const leastStep = time.Second / 8

// take adds a reading; those of one instant are of several label sets.
func (r *readings) take(at time.Duration, v float64) {
	if n := len(r.at); n > 0 && at == r.instant {
		if r.of.Greatest {
			r.now = max(r.now, v)
		} else {
			r.now += v
		}
		r.v[n-1] = max(r.v[n-1], r.now)
		return
	}
	r.now = v
	r.keep(at)
}

// rose adds by how much a counter rose.
func (r *readings) rose(at time.Duration, by float64) {
	r.now += by
	if n := len(r.at); n > 0 && at == r.instant {
		r.v[n-1] = max(r.v[n-1], r.now)
		return
	}
	r.keep(at)
}

func (r *readings) keep(at time.Duration) {
	r.instant = at
	r.at, r.v = append(r.at, at), append(r.v, r.now)
	r.merge()
	for len(r.at) > 2*r.most {
		r.step = max(leastStep, 2*r.step)
		r.at, r.v = r.stepped(r.step)
	}
}

// merge joins the last reading with the one before, if both are in one step.
func (r *readings) merge() {
	n := len(r.at)
	if r.step > 0 && n > 1 && r.at[n-1]/r.step == r.at[n-2]/r.step {
		r.v[n-2] = max(r.v[n-2], r.v[n-1])
		r.at, r.v = r.at[:n-1], r.v[:n-1]
	}
}

// stepped are the readings in steps that are no finer than theirs.
func (r *readings) stepped(step time.Duration) (at []time.Duration, v []float64) {
	if step == r.step && len(r.at) <= 2*r.most {
		return r.at, r.v
	}
	coarse := readings{step: step}
	for i := range r.at {
		coarse.at, coarse.v = append(coarse.at, r.at[i]), append(coarse.v, r.v[i])
		coarse.merge()
	}
	return coarse.at, coarse.v
}

func (r *readings) series(step time.Duration) Series {
	s := NewSeries("")
	factor := r.of.Factor
	if factor == 0 {
		factor = 1
	}
	at, values := r.stepped(step)
	for i, v := range values {
		if r.of.Rises {
			if i == 0 || at[i] <= at[i-1] {
				continue
			}
			v = (v - values[i-1]) / (at[i] - at[i-1]).Seconds()
		}
		s.Add(math.Round(at[i].Seconds()*100)/100, v*factor)
	}
	return s
}
