package reports_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

func TestBrowser_drawsEveryChart(t *testing.T) {
	view, text := page(t, runOf(1000), [2]string{"p50 TTFT", "at most 1 s"})
	v := open(t, text, 1440, 900)
	shown := 3 + len(view.Data.Distributions) // the story, the offered rate, the heat map
	if view.Data.Phases != nil {
		shown++
	}
	for _, p := range view.Data.Panels {
		if p.Absent == "" {
			shown++
		}
	}
	assert.Equal(t, shown, sees[int](v, `document.querySelectorAll('main canvas').length`))
	assert.Empty(t, v.elsewhere())
	for i := range shown {
		assert.True(t, sees[bool](v, fmt.Sprintf(`(() => {
			const c = document.querySelectorAll('main canvas')[%d], d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
			return d.some((v, i) => i %% 4 === 3 && v > 0);
		})()`, i)), "chart %d is not blank", i)
	}
}

// TestBrowser_secondWithoutRequestsIsAGap looks at how much of some seconds of the phases is painted;
// the last second of a run is as wide as the others.
func TestBrowser_secondWithoutRequestsIsAGap(t *testing.T) {
	run := runOf(100)
	records := slices.DeleteFunc(slices.Collect(run.Records), func(r harness.Record) bool { return r.Due >= 4*time.Second && r.Due < 6*time.Second })
	run.Records, run.Requests = slices.Values(records), len(records)
	_, text := page(t, run)
	v := open(t, text, 1440, 900)
	filled, empty := []float64{.5, 3.5, 6.5, 9.7}, []float64{4.3, 5, 5.7}
	painted := sees[[]float64](v, fmt.Sprintf(`(() => {
		const chart = document.querySelector('[data-chart="phases"]'), canvas = chart.querySelector('canvas');
		const all = canvas.getBoundingClientRect(), plot = chart.querySelector('.u-over').getBoundingClientRect(), scale = canvas.width / all.width;
		const top = Math.round((plot.top - all.top + plot.height / 2) * scale), high = Math.round(plot.height / 2 * scale) - 2; // the lower half
		const pixels = canvas.getContext('2d').getImageData(0, top, canvas.width, high).data;
		return [%s].map(second => {
			const x = Math.round((plot.left - all.left + plot.width * second / 10) * scale);
			let n = 0;
			for (let y = 0; y < high; y++) n += pixels[4 * (y * canvas.width + x) + 3] > 0;
			return n / high;
		});
	})()`, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(append(slices.Clone(filled), empty...))), ","), "[]")))
	for i, second := range filled {
		assert.Equal(t, 1.0, painted[i], "%g s", second)
	}
	for i, second := range empty {
		assert.Less(t, painted[len(filled)+i], .2, "%g s: the lines of the axis alone", second)
	}
}

// TestBrowser_zooms drags over a chart over time: all of them show that part, and the
// figures are those of it.
func TestBrowser_zooms(t *testing.T) {
	_, text := page(t, runOf(1000))
	v := open(t, text, 1440, 900)
	assert.True(t, sees[bool](v, `document.querySelector('[data-zoomed]').hidden`))
	x, y, w, h := v.place(`[data-chart="story"] .u-over`)
	v.do(chromedp.DragAndDropXY(x+w*.25, y+h/2, x+w*.5, y+h/2, 10))
	v.until(`!document.querySelector('[data-zoomed]').hidden`)
	says := v.text("[data-zoom-says]")
	assert.Regexp(t, `^2[45]\.\d s to (49|50)\.\d s: 2[45]\d requests, 2\d failed, .* TTFT p50 20 ms, p95 20 ms, p99 20 ms; .*E2E latency p50 50 ms`, says)
	v.click("[data-zoom-reset]")
	v.until(`document.querySelector('[data-zoomed]').hidden`)
}

// TestBrowser_opensARequest clicks on a point, goes on by keys, and closes it.
func TestBrowser_opensARequest(t *testing.T) {
	_, text := page(t, runOf(300))
	v := open(t, text, 1440, 900)
	v.do(chromedp.Focus(chromedp.CSS(`[data-chart="story"]`)), chromedp.KeyEvent(kb.Enter))
	assert.True(t, sees[bool](v, `document.querySelector('[data-request]').hidden`), "nothing is chosen yet")
	v.do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	assert.Equal(t, "due at 200 ms: TTFT 20 ms", v.text(`[data-keys="story"] .where`))
	v.do(chromedp.KeyEvent(kb.Enter))
	require.False(t, sees[bool](v, `document.querySelector('[data-request]').hidden`))
	v.click("[data-request-next]")
	assert.Contains(t, v.text("[data-request-sql]"), "select * from 'requests.parquet' where seq = ")
	// The tenth of all failed, with words that try to break out.
	for range 30 {
		if sees[bool](v, `document.querySelector('[data-request-says]').textContent.startsWith('Failed')`) {
			break
		}
		v.click("[data-request-next]")
	}
	assert.Contains(t, v.text("[data-request-says]"), "Failed: error in stream. "+evil)
	v.click("[data-request-next]")
	assert.Equal(t, "Answered in 50 ms; its first token came after 20 ms.", v.text("[data-request-says]"))
	assert.Equal(t, 2, sees[int](v, `document.querySelectorAll('.timeline .token').length`))
	v.do(chromedp.KeyEvent(kb.Escape))
	v.until(`document.querySelector('[data-request]').hidden`)
}

func TestBrowser_coloursAreAsAPersonWants(t *testing.T) {
	_, text := page(t, runOf(100))
	v := open(t, text, 1440, 900)
	ground := func() string { return sees[string](v, `getComputedStyle(document.documentElement).backgroundColor`) }
	v.click("[data-theme-button]")
	light := ground()
	v.click("[data-theme-button]")
	assert.Equal(t, "dark", sees[string](v, `document.documentElement.dataset.theme`))
	assert.NotEqual(t, light, ground())
}

// TestBrowser_readsAtAnyWidth looks for what is wider than the screen.
func TestBrowser_readsAtAnyWidth(t *testing.T) {
	_, text := page(t, runOf(300), [2]string{"p50 TTFT", "at most 1 s"}, [2]string{"error rate", "at most 1%"})
	for _, width := range []int64{380, 800, 1440} {
		v := open(t, text, width, 900)
		assert.LessOrEqual(t, sees[int](v, `document.documentElement.scrollWidth`), int(width))
		v.picture(fmt.Sprintf("report-%d", width))
	}
}

// TestBrowser_rowOpensToItsEvidence opens an objective.
func TestBrowser_rowOpensToItsEvidence(t *testing.T) {
	_, text := page(t, runOf(300), [2]string{"p50 TTFT", "at most 1 s"})
	v := open(t, text, 1440, 900)
	v.click(".objective summary")
	v.until(`document.querySelectorAll('.objective canvas').length === 2`)
	assert.Contains(t, v.text(".objective pre"), "quantile_cont")
}

// TestBrowser_prints looks at what is on paper: light, every chart whole, and afterwards
// all as it was.
func TestBrowser_prints(t *testing.T) {
	_, text := page(t, runOf(300), [2]string{"p50 TTFT", "at most 1 s"})
	v := open(t, text, 1440, 900)
	v.click("[data-theme-button]")
	v.click("[data-theme-button]")
	widths := `[...document.querySelectorAll('main canvas')].map(c => c.getBoundingClientRect().width)`
	dark, before := sees[string](v, `getComputedStyle(document.documentElement).backgroundColor`), sees[[]float64](v, widths)
	v.do(chromedp.Evaluate[chromedp.Void](`addEventListener('beforeprint', () => setTimeout(() => { // once they are drawn
		const right = e => e.getBoundingClientRect().right;
		window.printed = {
			ground: getComputedStyle(document.documentElement).backgroundColor,
			cut: [...document.querySelectorAll('main canvas')].filter(c => right(c) > right(document.querySelector('main')) + 1 || right(c) > right(c.closest('.chart')) + 1).length,
			wide: document.querySelector('main').clientWidth,
		};
	}))`))
	v.do(chromedp.Evaluate[chromedp.Void](`dispatchEvent(new Event('beforeprint'))`))
	v.until(`window.printed !== undefined`)
	assert.Equal(t, "rgb(255, 255, 255)", sees[string](v, `printed.ground`))
	assert.Zero(t, sees[int](v, `printed.cut`), "charts that paper would cut off")
	assert.LessOrEqual(t, sees[int](v, `printed.wide`), 695, "A4 without its margins")
	v.do(chromedp.Evaluate[chromedp.Void](`dispatchEvent(new Event('afterprint'))`))
	v.until(`document.documentElement.dataset.theme === 'dark'`)
	assert.Equal(t, dark, sees[string](v, `getComputedStyle(document.documentElement).backgroundColor`))
	v.until(fmt.Sprintf(`(%s).join() === %q`, widths, strings.Trim(strings.ReplaceAll(fmt.Sprint(before), " ", ","), "[]")))
	v.pdf("report")
}

// TestBrowser_distinguishesManyGPUs has more of them than there are colours.
func TestBrowser_distinguishesManyGPUs(t *testing.T) {
	run := runOf(1000)
	before := run.Samples
	run.Samples = func(yield func(harness.Sample) bool) {
		for s := range before {
			more := yield(s)
			for gpu := range 16 {
				for series, v := range map[string]float64{"gpu_power_watts": 400, "gpu_sm_clock_hertz": 1.9e9, "gpu_memory_used_bytes": 5 << 33} {
					labels := map[string]string{"gpu": fmt.Sprint(gpu % 8), "host": string(rune('a' + gpu/8))}
					more = more && yield(harness.Sample{At: s.At, Reading: harness.Reading{Source: "gpu", Series: series, Labels: labels, Value: v + v*math.Sin(s.At.Seconds()/9+float64(gpu))/4}})
				}
			}
			if !more {
				return
			}
		}
	}
	_, text := page(t, run)
	assert.Contains(t, text, "The GPUs were read, but they, their driver or their exporter do not tell it.", "of the others")
	v := open(t, text, 1440, 900)
	looks := `new Set([...document.querySelectorAll('figure')].find(f => f.querySelector('h3, h4')?.textContent === 'Clock').querySelectorAll('.key i').values().map(i => {
		const style = getComputedStyle(i);
		return style.borderTopColor + style.borderTopStyle;
	})).size`
	assert.Equal(t, 16, sees[int](v, looks), "lines that look alike")
	v.do(chromedp.ScrollIntoView(chromedp.CSS(`[data-chart="panel"][data-index="11"]`)))
	v.picture("gpus")
}

// TestBrowser_findsRunsByWords searches the list of runs.
func TestBrowser_findsRunsByWords(t *testing.T) {
	var entries []reports.Entry
	for _, name := range []string{"A working day's traffic", "A freeze is felt", "How much one GPU can carry"} {
		run := runOf(20)
		run.Scenario.Name = name
		entries = append(entries, reports.NewEntry(store.NewManifest("run="+name, run), nil))
	}
	var out bytes.Buffer
	require.NoError(t, reports.Index(&out, entries))
	v := open(t, out.String(), 380, 800)
	v.do(chromedp.SendKeys(chromedp.CSS("#search"), "freeze A"))
	assert.Equal(t, "2 of 6 rows", v.text("[data-found]"))
	assert.Equal(t, 2, sees[int](v, `[...document.querySelectorAll('[data-row]')].filter(r => r.offsetParent).length`))
	assert.LessOrEqual(t, sees[int](v, `document.documentElement.scrollWidth`), 380)
}

// TestBrowser_showsRunsBesideEachOther compares a run with a slower one.
func TestBrowser_showsRunsBesideEachOther(t *testing.T) {
	measured := func(n int, slower time.Duration) reports.Measured {
		run := runOf(n)
		before := run.Records
		run.Records = func(yield func(harness.Record) bool) {
			for r := range before {
				for i := range r.Chunks {
					r.Chunks[i] += slower
				}
				if !yield(r) {
					return
				}
			}
		}
		run.Scenario.Seed += uint64(slower)
		return reports.Measured{Manifest: store.NewManifest("run=x", run), Window: measure.Of(run)}
	}
	c := reports.NewComparison([]reports.Measured{measured(1000, 0), measured(1000, 0), measured(1000, 20*time.Millisecond)})
	require.Equal(t, "p50 TTFT", c.Figures[0].Name)
	assert.Equal(t, []string{"20 ms", "20 ms", "40 ms"}, c.Figures[0].Values)
	assert.Equal(t, []string{"0 %", "+100 %"}, c.Figures[0].Change)
	assert.Equal(t, []string{"", "worse"}, c.Figures[0].Better)
	require.Len(t, c.Manifest, 1)
	assert.Equal(t, reports.Differing{Name: "scenario.seed", Values: []string{"7", "7", "20000007"}}, c.Manifest[0])
	var out bytes.Buffer
	require.NoError(t, reports.RenderComparison(&out, c))
	assert.Empty(t, elements(t, out.String(), "img"))
	assert.Len(t, elements(t, out.String(), "svg"), 3+4, "a mark of each run, a chart of each metric")
}

// TestList_saysSinceWhenAScenarioIsSlower has twenty-four runs, of which the last twelve are.
func TestList_saysSinceWhenAScenarioIsSlower(t *testing.T) {
	var entries []reports.Entry
	for i := range 24 {
		run := runOf(20)
		run.Start = run.Start.Add(time.Duration(i) * time.Hour)
		o, err := slo.Parse("p99 TTFT", "at most 500 ms")
		require.NoError(t, err)
		value := .100 + float64(i%3)*.001
		if i >= 12 {
			value *= 1.5
		}
		v := slo.Verdict{Objective: o, Unit: quantity.Seconds, Value: value, Lo: value, Hi: value, N: 20, Outcome: slo.Met}
		entries = append([]reports.Entry{reports.NewEntry(store.NewManifest(fmt.Sprint("run=", i), run), []slo.Verdict{v})}, entries...)
	}
	var out bytes.Buffer
	require.NoError(t, reports.Index(&out, entries))
	assert.Contains(t, content(elements(t, out.String(), "main")[0]), "worse since 2026-11-24 10:15:03: 152 ms, before 101 ms")
	assert.Len(t, elements(t, out.String(), "circle"), 24+25, "a dot of each run, and the mark of each row")
}
