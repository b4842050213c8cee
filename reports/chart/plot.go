package chart

import (
	"fmt"
	"math"
	"strings"

	"github.com/vllmspec/vllmspec/harness/quantity"
)

// A Plot is a small chart that needs no script: lines over one axis, drawn as SVG.
// All places are in units of its view box, PlotWide by PlotHigh.
type Plot struct {
	Title, Says    string
	XName          string
	Lines          []PlotLine
	XTicks, YTicks []PlotTick
	Marks          []PlotTick // vertical lines with a name
	Limits         []PlotTick // horizontal ones

	x axis
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

// Points are a line as it was measured. Lo, Hi, Says and Classes may be absent.
type Points struct {
	Name    string
	X, Y    []float64
	Lo, Hi  []float64
	Says    []string // of each point
	Classes []string // of each point, in the style sheet
	Dots    bool     // each point is drawn, with its interval
	Class   string   // of the line, in the style sheet; "" for that of its number
}

// The view box of a plot, and its margins.
const (
	PlotWide, PlotHigh                     = 560.0, 230.0
	PlotLeft, PlotRight, PlotTop, PlotFoot = 66.0, 12.0, 10.0, 34.0
)

// Axes say what a plot is of, and how its axes are written.
type Axes struct {
	Title, Says  string
	XName        string
	LogX         bool
	ShowX, ShowY func(float64) string
	Limits       []PlotLimit
}

// A PlotLimit is a value that a line is not to cross, with its name. One that is far above all lines is not drawn.
type PlotLimit struct {
	Value float64
	Name  string
}

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

// Plot draws lines over one axis of x.
func (a Axes) Plot(lines ...Points) Plot {
	x := axis{math.Inf(1), math.Inf(-1), PlotLeft, PlotWide - PlotRight, a.LogX}
	y := axis{0, 0, PlotHigh - PlotFoot, PlotTop, false}
	for _, l := range lines {
		for i := range l.X {
			x.low, x.high = math.Min(x.low, l.X[i]), math.Max(x.high, l.X[i])
			if finite(l.Y[i]) {
				y.high = math.Max(y.high, l.Y[i])
			}
			if l.Hi != nil && finite(l.Hi[i]) && l.Hi[i] < 3*l.Y[i] {
				y.high = math.Max(y.high, l.Hi[i])
			}
		}
	}
	limits := a.within(&y)
	if x.high <= x.low {
		x.low, x.high = x.low*.9, x.high*1.1+1e-9
	}
	if y.high == 0 {
		y.high = 1
	}
	y.high *= 1.06
	p := Plot{Title: a.Title, Says: a.Says, XName: a.XName, XTicks: x.ticks(7, a.ShowX), YTicks: y.ticks(5, a.ShowY), x: x}
	for k, l := range lines {
		if len(l.X) > 0 {
			p.Lines = append(p.Lines, l.draw(x, y, k))
		}
	}
	for _, l := range limits {
		p.Limits = append(p.Limits, PlotTick{y.at(l.Value), l.Name})
	}
	return p
}

// within are the limits that are not far above all lines. The axis is made to reach them.
func (a Axes) within(y *axis) (near []PlotLimit) {
	const far = 3
	highest := y.high
	for _, l := range a.Limits {
		if l.Value > 0 && l.Value <= far*highest {
			near, y.high = append(near, l), math.Max(y.high, l.Value)
		}
	}
	return near
}

// Beside is where the name of a mark begins, and which end of it that is: names near the right edge stand before their mark.
func (t PlotTick) Beside() (x float64, anchor string) {
	const gap = 4
	if t.At > PlotWide*.75 {
		return t.At - gap, "end"
	}
	return t.At + gap, "start"
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Mark draws a vertical line with a name; none where there are no lines to stand among.
func (p *Plot) Mark(x float64, name string) {
	if len(p.Lines) > 0 {
		p.Marks = append(p.Marks, PlotTick{p.x.at(x), name})
	}
}

func (l Points) draw(x, y axis, k int) PlotLine {
	out := PlotLine{Name: l.Name, Class: l.Class}
	if out.Class == "" {
		out.Class = fmt.Sprintf("series-%d", k)
	}
	var path strings.Builder
	command := "M"
	for i := range l.X {
		if !finite(l.Y[i]) {
			command = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%g %g", command, x.at(l.X[i]), y.at(l.Y[i]))
		command = "L"
		if l.Dots {
			d := PlotDot{X: x.at(l.X[i]), Y: y.at(l.Y[i])}
			d.Lo, d.Hi = d.Y, d.Y
			if l.Lo != nil && finite(l.Lo[i]) {
				d.Lo = y.at(l.Lo[i])
			}
			if l.Hi != nil && finite(l.Hi[i]) {
				d.Hi = y.at(l.Hi[i])
			}
			if l.Says != nil {
				d.Says = l.Says[i]
			}
			if l.Classes != nil {
				d.Class = l.Classes[i]
			}
			out.Dots = append(out.Dots, d)
		}
	}
	out.Path = path.String()
	return out
}

// In is how values of a unit are written on an axis.
func In(unit quantity.Unit) func(float64) string {
	return func(v float64) string {
		text := quantity.Format(v, unit)
		if unit == quantity.PerSecond || unit == quantity.TokensPerSecond || unit == quantity.Tokens {
			text, _, _ = strings.Cut(text, " ") // the axis has a name
		}
		return text
	}
}
