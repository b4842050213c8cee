//go:build unix

package selfcheck

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A watched is what became of one load, brought several times, with so many who looked on.
type watched struct {
	Who    string  `json:"who"`
	Rounds []grade `json:"rounds"`
}

// watchedCheck is the load: requests that come often, and streams that are paced.
func watchedCheck() check {
	const long, perSecond = 10 * time.Second, 2000
	return check{Name: "2000 requests a second, watched by no viewer, by one and by ten", Streams: perSecond * int(long/time.Second),
		Gap: 50 * time.Millisecond, Tokens: 4, Over: long, Watched: true}
}

// turns are the load without the page and with it.
func (c check) turns() []check {
	c.Watched = false
	turn := func(who string, shown bool, viewers int) check {
		c := c
		c.Name, c.Shown, c.Viewers = who, shown, viewers
		return c
	}
	return []check{turn("without the page", false, 0), turn("watched by none", true, 0), turn("watched by one", true, 1), turn("watched by ten", true, 10)}
}

// runWatched takes the turns as often as there are turns, and each time begins with
// another one: what drifts meanwhile drifts for all of them.
func (c check) runWatched(ctx context.Context, in place) (grade, error) {
	turns := c.turns()
	out := make([]watched, len(turns))
	for round := range turns {
		for i := range turns {
			at := (round + i) % len(turns)
			turn := turns[at]
			fmt.Fprintf(in.Stderr, "  round %d of %d: %s …\n", round+1, len(turns), turn.Name)
			g, err := turn.run(ctx, in)
			if err != nil {
				return grade{}, fmt.Errorf("%s: %w", turn.Name, err)
			}
			if least := int(turn.Over / slowest); turn.Viewers > 0 && g.Frames < least {
				return grade{}, fmt.Errorf("%s: %d frames came in %s; at least %d should have", turn.Name, g.Frames, turn.Over, least)
			}
			out[at].Who, out[at].Rounds = turn.Name, append(out[at].Rounds, g)
		}
	}
	return grade{Check: c, Watched: out}, nil
}

// slowest is how far frames are apart where the load generator has hardly time for them.
const slowest = 5 * time.Second

// A course is the median of several rounds, and their extremes.
type course struct{ median, least, most float64 }

func courseOf(rounds []float64) course {
	sorted := slices.Sorted(slices.Values(rounds))
	n := len(sorted)
	return course{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

// times is it as ratios.
func (c course) times() string { return fmt.Sprintf("%.2f [%.2f, %.2f]", c.median, c.least, c.most) }

// percent is it as a share of a core.
func (c course) percent() string {
	return fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*c.median, 100*c.least, 100*c.most)
}

// over is what of gives in each round.
func (w watched) over(of func(i int, g grade) float64) course {
	var values []float64
	for i, g := range w.Rounds {
		values = append(values, of(i, g))
	}
	return courseOf(values)
}

// spread is the median of the rounds' spreads.
func (w watched) spread(of func(grade) spread) spread {
	return spread{w.over(func(_ int, g grade) float64 { return of(g).P50 }).median, w.over(func(_ int, g grade) float64 { return of(g).P99 }).median}
}

// printWatched prints what the live page takes, where that was measured.
func printWatched(out io.Writer, grades []grade) {
	for _, g := range grades {
		if g.Watched == nil {
			continue
		}
		fmt.Fprintf(out, "\n%s, %d tokens each at %.0f a second: median of %d rounds [least, most]; times in µs, p50/p99\n\n",
			g.Check.Name, g.Check.Tokens, 1/g.Check.Gap.Seconds(), len(g.Watched[0].Rounds))
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(table, "of one core\tfor the page\tsend lag\t× without\tITL error\t× without\tITL\t× without\tframes\t  ")
		for _, w := range g.Watched {
			w.print(table, g.Watched[0].Rounds)
		}
		table.Flush()
		fmt.Fprintln(out)
		for _, w := range g.Watched {
			if n, why := w.unsound(); n > 0 {
				fmt.Fprintf(out, "%s: in %d of %d rounds every verdict is unknown: %s\n", w.Who, n, len(w.Rounds), why)
			}
		}
		fmt.Fprint(out, `of one core    CPU time of the load generator, user and system, ÷ time of the load
for the page   that − that without the page, of the same round; the viewers are a process of their own
× without      p99 ÷ that without the page, of the same round
frames         that came to the viewer who got fewest
`)
	}
}

// print prints a row; bare are the rounds without the page.
func (w watched) print(table io.Writer, bare []grade) {
	page, frames := "–", "–"
	if w.Rounds[0].Check.Shown {
		page = w.over(func(i int, g grade) float64 { return g.Core - bare[i].Core }).percent()
	}
	if w.Rounds[0].Check.Viewers > 0 {
		frames = fmt.Sprintf("%.0f", w.over(func(_ int, g grade) float64 { return float64(g.Frames) }).median)
	}
	fmt.Fprintf(table, "%s\t%s\t", w.over(func(_ int, g grade) float64 { return g.Core }).percent(), page)
	for _, of := range []func(grade) spread{func(g grade) spread { return g.Lag }, func(g grade) spread { return g.ITL }, func(g grade) spread { return g.Gap }} {
		times := "–"
		if w.Rounds[0].Check.Shown {
			times = w.over(func(i int, g grade) float64 { return of(g).P99 / of(bare[i]).P99 }).times()
		}
		fmt.Fprintf(table, "%s\t%s\t", w.spread(of), times)
	}
	fmt.Fprintf(table, "%s\t  %s\n", frames, w.Who)
}

// unsound is how many rounds have no verdicts, and why the first of them has none.
func (w watched) unsound() (n int, why string) {
	for _, g := range w.Rounds {
		if len(g.Unsound) > 0 {
			if n++; n == 1 {
				why = strings.Join(g.Unsound, "; ")
			}
		}
	}
	return n, why
}
