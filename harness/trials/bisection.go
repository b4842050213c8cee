package trials

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// A Bisection looks for the highest setting that meets objectives: by bisection on the
// logarithm, between what was seen to meet them and what was seen to miss one. It
// takes for granted that what is met at a setting is met at every lower one.
//
// An unknown setting is run again, never guessed. Where a few runs do not decide it, the
// search closes in from both sides, which takes fewer runs, and comes back to it when there
// is nothing else to do.
type Bisection struct {
	Low, High float64
	Scale     Scale
	Width     float64 // of the answer, relative; 0: 5 %
	Probes    int     // settings that may be tried; 0: 12
	Tries     int     // of one setting, the proof aside; 0: 5
}

// The defaults, and how often an unknown setting is run before others are tried.
const (
	searchWidth  = 0.05
	searchProbes = 12
	searchTries  = 5
	patience     = 2
)

// ErrSpent ends a search whose time is over. What is wrapped around it says why.
var ErrSpent = errors.New("no time is left")

// A Try runs a setting once more, and says what all its runs show. The runs before
// are those of the probe that it returned last; proof says that it confirms an answer.
type Try func(setting float64, before *Probe, proof bool) (*Probe, error)

// Run searches. An error that is not [ErrSpent] ends it too; the finding is then
// what was found so far.
func (s Bisection) Run(try Try) (*Finding, error) {
	h := &hunt{Bisection: s, try: try}
	if h.Width == 0 {
		h.Width = searchWidth
	}
	if h.Probes == 0 {
		h.Probes = searchProbes
	}
	if h.Tries == 0 {
		h.Tries = searchTries
	}
	err := h.run()
	f := h.finding()
	if errors.Is(err, ErrSpent) {
		f.Ended, err = err.Error(), nil
	} else if err != nil {
		f.Ended = err.Error()
	}
	f.Says = s.says(f)
	return f, err
}

// A hunt is a search in progress.
type hunt struct {
	Bisection
	try    Try
	probes []*Probe
	ended  string
}

func (h *hunt) run() error {
	for {
		lo, hi := h.ends()
		probe, setting := h.next(lo, hi)
		switch {
		case h.closed(lo, hi) || probe == nil && setting == 0:
			proven, err := h.prove(lo, hi)
			if err != nil || proven {
				h.ended = h.why(lo, hi)
				return err
			}
		case probe != nil:
			if err := h.again(probe, false); err != nil {
				return err
			}
		default:
			if err := h.probe(setting); err != nil {
				return err
			}
		}
	}
}

// ends are the highest setting that was seen to meet the objectives and the lowest
// one that was seen to miss them, or the ends of the range.
func (h *hunt) ends() (lo, hi float64) {
	lo, hi = h.Low, h.High
	for _, p := range h.probes {
		switch p.Outcome {
		case slo.Met:
			lo = max(lo, p.Setting)
		case slo.Missed:
			hi = min(hi, p.Setting)
		}
	}
	return lo, hi
}

// closed reports whether the ends are as near each other as [Bisection.Width] asks.
func (h *hunt) closed(lo, hi float64) bool {
	return hi <= lo*(1+h.Width) || h.Scale == Users && hi-lo <= 1
}

// next is a probe to run again, or a new setting to try; neither where nothing more can be
// found out.
func (h *hunt) next(lo, hi float64) (again *Probe, setting float64) {
	var unknown []*Probe
	for _, p := range h.probes {
		if p.Outcome == slo.Unknown && p.Setting >= lo && p.Setting <= hi {
			unknown = append(unknown, p)
		}
	}
	setting = h.middle(lo, hi)
	if len(unknown) > 0 {
		slices.SortFunc(unknown, func(a, b *Probe) int { return cmp.Compare(a.Setting, b.Setting) })
		least, greatest := unknown[0].Setting, unknown[len(unknown)-1].Setting
		if setting = h.beside(least, lo); hi/greatest > least/lo || setting == 0 {
			setting = cmp.Or(h.beside(greatest, hi), setting)
		}
	}
	if setting > 0 && len(h.probes) < h.Probes {
		return nil, setting
	}
	slices.SortStableFunc(unknown, func(a, b *Probe) int { return a.Tries - b.Tries })
	for _, p := range unknown {
		if p.Tries < h.Tries && !p.Futile {
			return p, 0
		}
	}
	return nil, 0
}

// middle of two settings by their logarithms; 0 where there is none.
func (h *hunt) middle(lo, hi float64) float64 { return h.inside(math.Sqrt(lo*hi), lo, hi) }

// beside is the next setting between an undecided one, which is near the capacity, and an
// end of the bracket: at first a little way off, then so near that the answer is narrow
// enough once there is such a setting on each side. It is 0 where the end is that near.
func (h *hunt) beside(unknown, end float64) float64 {
	unit := math.Log1p(h.Width)
	off := math.Log(end / unknown)
	step := .49 * unit
	switch gap := math.Abs(off); {
	case gap < .6*unit:
		return 0
	case gap > 3*unit:
		step = 1.5 * unit
	}
	return h.inside(unknown*math.Exp(math.Copysign(step, off)), min(unknown, end), max(unknown, end))
}

// inside makes a setting one that can be tried; 0 where there is none between the two.
func (h *hunt) inside(setting, lo, hi float64) float64 {
	if h.Scale == Users {
		setting = math.Round(setting)
	}
	if setting <= lo || setting >= hi {
		return 0
	}
	return setting
}

// probe tries a setting, and runs it again a few times as long as it is unknown.
func (h *hunt) probe(setting float64) error {
	p, err := h.try(setting, nil, false)
	if p == nil {
		return err
	}
	p.Tries = 1
	h.probes = append(h.probes, p)
	for err == nil && p.Outcome == slo.Unknown && p.Tries < min(patience, h.Tries) && !p.Futile {
		err = h.again(p, false)
	}
	return err
}

// again runs a setting once more.
func (h *hunt) again(p *Probe, proof bool) error {
	after, err := h.try(p.Setting, p, proof)
	if tries := p.Tries; after != nil {
		*p = *after
		p.Proof, p.Tries = proof, tries+1
	}
	return err
}

// prove confirms both ends of the answer by further runs: a verdict that came by chance
// does not come twice. It reports whether both were confirmed already.
func (h *hunt) prove(lo, hi float64) (proven bool, err error) {
	for _, end := range []float64{lo, hi} {
		if h.at(end) == nil && len(h.probes) < h.Probes+2 { // the ends of the range come on top
			return false, h.probe(end)
		}
	}
	for _, end := range []float64{lo, hi} {
		if p := h.at(end); p != nil && p.Outcome != slo.Unknown && !p.Proof && !p.Ended {
			return false, h.again(p, true)
		}
	}
	return true, nil
}

func (h *hunt) at(setting float64) *Probe {
	for _, p := range h.probes {
		if p.Setting == setting {
			return p
		}
	}
	return nil
}

// why says why the search came to its end.
func (h *hunt) why(lo, hi float64) string {
	switch {
	case h.closed(lo, hi):
		return "the ends are as near each other as was asked for"
	case len(h.probes) >= h.Probes:
		return fmt.Sprintf("%d settings were tried", len(h.probes))
	}
	return "what is between is too close to the limits to be distinguished from them"
}

func (h *hunt) finding() *Finding {
	f := &Finding{Low: h.Low, High: h.High, Ended: h.ended, Probes: []Probe{}}
	for _, p := range h.probes {
		f.Probes = append(f.Probes, *p)
	}
	f.bound()
	return f
}

// says is the answer in one sentence.
func (s Bisection) says(f *Finding) string {
	what, is := "the highest "+s.Scale.name()+" that meets them", s.Scale.Quantity
	switch {
	case f.Lo == 0 && f.Hi == 0:
		return what + " is not known"
	case f.Lo == 0 && f.Hi == f.Low:
		return fmt.Sprintf("nothing in the range meets them: %s is below %s", what, is(f.Low))
	case f.Lo == 0:
		return fmt.Sprintf("%s is below %s; nothing was seen to meet them", what, is(f.Hi))
	case f.Hi == 0 && f.Lo == f.High:
		return fmt.Sprintf("all of the range meets them: %s is at least %s", what, is(f.High))
	case f.Hi == 0:
		return fmt.Sprintf("%s is at least %s; nothing was seen to miss them", what, is(f.Lo))
	case s.Scale == Users && f.Hi-f.Lo <= 1:
		return fmt.Sprintf("%s is %s", what, quantity.Format(f.Lo, quantity.Count))
	}
	return fmt.Sprintf("%s lies between %s and %s", what, plain(f.Lo), is(f.Hi))
}

// plain is a number with three digits and no unit.
func plain(v float64) string { return quantity.Format(v, quantity.Count) }

func (s Scale) name() string {
	if s == Users {
		return "number of users"
	}
	return "request rate"
}
