package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/vllmspec/vllmspec/harness/quantity"
)

// A Plot is a small chart that needs no script: lines over one axis, drawn as SVG.
// All places are in units of its view box, plotWide by plotHigh.
type Plot struct {
	Title, Says    string
	XName          string
	Lines          []PlotLine
	XTicks, YTicks []PlotTick
	Marks          []PlotTick // vertical lines with a name
}

// A PlotLine is one line, its points, and the intervals of these.
type PlotLine struct {
	Name, Class, Path string
	Dots              []PlotDot
}

// A PlotDot is a point and its interval.
type PlotDot struct {
	X, Y, Lo, Hi float64
	Says         string
	Class        string
}

// A PlotTick is a mark on an axis.
type PlotTick struct {
	At   float64
	Text string
}

// xy is a line as it was measured. Lo and Hi may be absent.
type xy struct {
	name      string
	x, y      []float64
	lo, hi    []float64
	says      []string
	classes   []string
	dots      bool
	className string
}

const (
	plotWide, plotHigh                     = 560.0, 230.0
	plotLeft, plotRight, plotTop, plotFoot = 66.0, 12.0, 10.0, 34.0
)

// An axis maps values to places.
type axis struct {
	low, high, from, to float64
	log                 bool
}

func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log(math.Max(v, a.low)), math.Log(low), math.Log(high)
	}
	share := (v - low) / (high - low)
	return math.Round((a.from+math.Min(1.02, math.Max(-.02, share))*(a.to-a.from))*100) / 100
}

// ticks are at 1, 2 and 5 times powers of ten.
func (a axis) ticks(most int, show func(float64) string) (out []PlotTick) {
	if a.log {
		for e := math.Floor(math.Log10(a.low)); e <= math.Ceil(math.Log10(a.high)); e++ {
			for _, m := range []float64{1, 2, 5} {
				if v := m * math.Pow(10, e); v >= a.low && v <= a.high {
					out = append(out, PlotTick{a.at(v), show(v)})
				}
			}
		}
		for len(out) > 2*most {
			thinned := out[:0:0]
			for i := 0; i < len(out); i += 3 {
				thinned = append(thinned, out[i])
			}
			out = thinned
		}
		return out
	}
	step := math.Pow(10, math.Floor(math.Log10((a.high-a.low)/float64(most))))
	for _, m := range []float64{1, 2, 5, 10} {
		if (a.high-a.low)/(step*m) <= float64(most) {
			step *= m
			break
		}
	}
	for v := math.Ceil(a.low/step) * step; v <= a.high+step/1e6 && len(out) <= 2*most; v += step {
		v = math.Round(v/step) * step
		out = append(out, PlotTick{a.at(v), show(v)})
	}
	return out
}

// newPlot draws lines over one axis of x.
func newPlot(title, says, xName string, logX bool, showX, showY func(float64) string, lines ...xy) Plot {
	x := axis{math.Inf(1), math.Inf(-1), plotLeft, plotWide - plotRight, logX}
	y := axis{0, 0, plotHigh - plotFoot, plotTop, false}
	for _, l := range lines {
		for i := range l.x {
			x.low, x.high = math.Min(x.low, l.x[i]), math.Max(x.high, l.x[i])
			if finite(l.y[i]) {
				y.high = math.Max(y.high, l.y[i])
			}
			if l.hi != nil && finite(l.hi[i]) && l.hi[i] < 3*l.y[i] {
				y.high = math.Max(y.high, l.hi[i])
			}
		}
	}
	if x.high <= x.low {
		x.low, x.high = x.low*.9, x.high*1.1+1e-9
	}
	if y.high == 0 {
		y.high = 1
	}
	y.high *= 1.06
	p := Plot{Title: title, Says: says, XName: xName, XTicks: x.ticks(7, showX), YTicks: y.ticks(5, showY)}
	for k, l := range lines {
		if len(l.x) > 0 {
			p.Lines = append(p.Lines, l.draw(x, y, k))
		}
	}
	return p
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func (l xy) draw(x, y axis, k int) PlotLine {
	out := PlotLine{Name: l.name, Class: l.className}
	if out.Class == "" {
		out.Class = fmt.Sprintf("series-%d", k)
	}
	var path strings.Builder
	command := "M"
	for i := range l.x {
		if !finite(l.y[i]) {
			command = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%g %g", command, x.at(l.x[i]), y.at(l.y[i]))
		command = "L"
		if l.dots {
			d := PlotDot{X: x.at(l.x[i]), Y: y.at(l.y[i])}
			d.Lo, d.Hi = d.Y, d.Y
			if l.lo != nil && finite(l.lo[i]) {
				d.Lo = y.at(l.lo[i])
			}
			if l.hi != nil && finite(l.hi[i]) {
				d.Hi = y.at(l.hi[i])
			}
			if l.says != nil {
				d.Says = l.says[i]
			}
			if l.classes != nil {
				d.Class = l.classes[i]
			}
			out.Dots = append(out.Dots, d)
		}
	}
	out.Path = path.String()
	return out
}

// in is how values of a unit are written on an axis.
func in(unit quantity.Unit) func(float64) string {
	return func(v float64) string {
		text := quantity.Format(v, unit)
		if unit == quantity.PerSecond || unit == quantity.TokensPerSecond || unit == quantity.Tokens {
			text, _, _ = strings.Cut(text, " ") // the axis has a name
		}
		return text
	}
}
