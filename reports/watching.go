package reports

import (
	"math"
	"slices"
	"strconv"

	"github.com/vllmspec/vllmspec/harness"
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
}

// A Series is one line of a panel.
type Series struct {
	Name string    `json:"name"`
	At   []float64 `json:"at"` // s
	V    []float64 `json:"v"`
}

// A line says which readings a series is made of.
type line struct {
	name, source, series string
	rises                bool   // a counter: its rise per second is drawn
	each                 string // a label of which each value has a line of its own; "" for the sum of all
	factor               float64
}

// A plan is a panel before there is anything to draw.
type plan struct {
	group, name, says, unit string
	lines                   []line
	absent                  string
}

// watching keeps the readings that panels are made of.
type watching struct {
	most  int
	plans []plan
	asked map[string][]int // source and series → plan and line, as plan*100+line
	kept  map[lineKey]*readings
	order []lineKey
}

type lineKey struct {
	line  int
	label string
}

func newWatching(most int) *watching {
	w := &watching{most: most, plans: plans(), asked: map[string][]int{}, kept: map[lineKey]*readings{}}
	for i, p := range w.plans {
		for j, l := range p.lines {
			key := l.source + " " + l.series
			w.asked[key] = append(w.asked[key], i*100+j)
		}
	}
	return w
}

// Sample takes a reading.
func (d *Drawing) Sample(s harness.Sample) {
	if s.Source == "client" && s.Series == harness.SeriesIssued {
		d.issued.take(s.At.Seconds(), s.Value)
	}
	d.watched.take(s)
}

func (w *watching) take(s harness.Sample) {
	for _, id := range w.asked[s.Source+" "+s.Series] {
		l := w.plans[id/100].lines[id%100]
		key := lineKey{line: id}
		if l.each != "" {
			key.label = s.Labels[l.each]
		}
		of := w.kept[key]
		if of == nil {
			of = &readings{most: w.most, rises: l.rises}
			w.kept[key] = of
			w.order = append(w.order, key)
		}
		of.take(s.At.Seconds(), s.Value)
	}
}

// panels are what can be drawn by now. A panel without a reading says why.
func (w *watching) panels(virtual bool) (out []Panel) {
	for i, p := range w.plans {
		panel := Panel{Group: p.group, Name: p.name, Says: p.says, Unit: p.unit, Absent: p.absent}
		for _, key := range w.sorted(i) {
			l := p.lines[key.line%100]
			s := w.kept[key].series(l)
			if s.Name = l.name; key.label != "" {
				s.Name = l.name + " " + key.label
			}
			if len(s.At) > 0 {
				panel.Series, panel.Absent = append(panel.Series, s), ""
			}
		}
		if virtual && panel.Absent != "" && p.group == groupMachine {
			panel.Absent = "Not in virtual time, in which a second of the run takes no second of this machine."
		}
		out = append(out, panel)
	}
	return out
}

// sorted are the lines of a panel in its order, those of one line by their labels.
func (w *watching) sorted(plan int) (keys []lineKey) {
	for _, key := range w.order {
		if key.line/100 == plan {
			keys = append(keys, key)
		}
	}
	slices.SortStableFunc(keys, func(a, b lineKey) int {
		if a.line != b.line {
			return a.line - b.line
		}
		x, errX := strconv.Atoi(a.label)
		y, errY := strconv.Atoi(b.label)
		if errX == nil && errY == nil {
			return x - y
		}
		return slices.Compare([]byte(a.label), []byte(b.label))
	})
	return keys
}

// readings are those of one line: a bounded number, however many come. Of those
// that fall together the greatest is kept, which of a counter is the last.
type readings struct {
	most    int
	rises   bool
	step    float64
	at, v   []float64
	instant float64
	now     float64
}

// take adds a reading; those of one instant are of several label sets, and add up.
func (r *readings) take(at, v float64) {
	if n := len(r.at); n > 0 && at == r.instant {
		r.now += v
		r.v[n-1] = max(r.v[n-1], r.now)
		return
	}
	r.instant, r.now = at, v
	if n := len(r.at); n > 0 && at < r.at[n-1]+r.step {
		r.v[n-1] = max(r.v[n-1], v)
		return
	}
	r.at, r.v = append(r.at, at), append(r.v, v)
	if len(r.at) > 2*r.most {
		r.halve()
	}
}

func (r *readings) halve() {
	span := r.at[len(r.at)-1] - r.at[0]
	r.step = span / float64(r.most)
	n := 0
	for i := range r.at {
		if n > 0 && r.at[i] < r.at[n-1]+r.step {
			r.v[n-1] = max(r.v[n-1], r.v[i])
			continue
		}
		r.at[n], r.v[n] = r.at[i], r.v[i]
		n++
	}
	r.at, r.v = r.at[:n], r.v[:n]
}

func (r *readings) series(l line) Series {
	s := Series{At: []float64{}, V: []float64{}}
	factor := l.factor
	if factor == 0 {
		factor = 1
	}
	for i, at := range r.at {
		v := r.v[i]
		if r.rises {
			if i == 0 || at <= r.at[i-1] {
				continue
			}
			v = math.Max(0, v-r.v[i-1]) / (at - r.at[i-1])
		}
		s.At, s.V = append(s.At, math.Round(at*100)/100), append(s.V, round4(v*factor))
	}
	return s
}
