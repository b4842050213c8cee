package suite_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// drawn is the block of data of a page, from which its charts are drawn.
type drawn struct {
	From, To, Length float64
	Offered          series
	Panels           []struct {
		Name   string
		Series []series
	}
	Phases        []series
	Distributions []struct {
		Metric string
		N      int
		X, P   []float64
	}
	Limits []struct {
		Metric string
		Value  float64
		Text   string
	}
	Requests packed
}

type series struct {
	Name  string
	At, V []float64
}

// charts holds what each chart draws against the query beside it.
func (p paper) charts() {
	m := p.of.Manifest
	assert.Equal(p.t, []float64{float64(m.FromNS) / 1e9, float64(m.ToNS) / 1e9, float64(m.LengthNS) / 1e9}, []float64{p.data.From, p.data.To, p.data.Length})
	seen := 0
	for _, chart := range p.all(".chart") {
		switch kind := attribute(chart, "data-chart"); kind {
		case "panel":
			i, err := strconv.Atoi(attribute(chart, "data-index"))
			require.NoError(p.t, err)
			p.overTime(p.data.Panels[i].Name, content(p.first("pre", chart.Parent)), p.data.Panels[i].Series)
			seen++
		case "offered":
			p.overTime(kind, content(p.all("pre", chart.Parent)[1]), []series{p.data.Offered})
		}
	}
	drawn := 0
	for _, panel := range p.data.Panels {
		if len(panel.Series) > 0 {
			drawn++
		}
	}
	assert.Equal(p.t, drawn, seen)
	assert.GreaterOrEqual(p.t, drawn, 8)
	p.distributions()
	k := 0
	for _, v := range p.verdicts {
		if k < len(p.data.Limits) && p.data.Limits[k].Metric == v.Metric {
			assert.Equal(p.t, v.Limit, p.data.Limits[k].Value)
			assert.Equal(p.t, v.Text, strings.Replace(p.data.Limits[k].Text, " at ", " "+v.Metric+" at ", 1))
			k++
		}
	}
	assert.Len(p.t, p.data.Limits, k)
}

func (p paper) overTime(name, query string, lines []series) {
	p.duck.ask(query, func(rows [][]string) {
		got := map[string]series{}
		for _, row := range rows {
			s := got[row[0]]
			s.At, s.V = append(s.At, number(row[1])), append(s.V, number(row[2]))
			got[row[0]] = s
		}
		require.Len(p.t, got, len(lines), "%s\n%s", name, query)
		for _, s := range lines {
			of := got[s.Name]
			require.Len(p.t, of.At, len(s.At), "%s, %s\n%s", name, s.Name, query)
			for i := range s.At {
				assert.InDelta(p.t, of.At[i], s.At[i], .005+1e-9, "%s, %s\n%s", name, s.Name, query)
				p.shown(s.V[i], of.V[i], fmt.Sprintf("%s, %s at %g s\n%s", name, s.Name, s.At[i], query))
			}
		}
	})
}

func (p paper) distributions() {
	figures := slices.DeleteFunc(p.all("figure", p.section("distributions")), func(n *html.Node) bool { return is(n, ".heat") })
	require.Len(p.t, figures, len(p.data.Distributions))
	require.GreaterOrEqual(p.t, len(figures), 4)
	for i, d := range p.data.Distributions {
		query := content(p.first("pre", figures[i]))
		assert.Equal(p.t, d.Metric, content(p.first("h3", figures[i])))
		p.duck.ask(query, func(rows [][]string) {
			require.Len(p.t, rows, len(d.P))
			for k, row := range rows {
				assert.InDelta(p.t, number(row[0]), d.P[k], 1e-9)
				p.shown(d.X[k], number(row[1]), d.Metric+" at "+row[0])
			}
		})
		_, values, _ := strings.Cut(query, ";\n")
		before, after, _ := strings.Cut(values, "select unnest(getvariable")
		_, after, _ = strings.Cut(after, "\nfrom ")
		p.duck.ask(before+"select count(value) from "+after, func(rows [][]string) { assert.Equal(p.t, number(rows[0][0]), float64(d.N), d.Metric) })
	}
}

// phases rest on rows and histograms together, for which there is no short query: they
// are measured once more from the files. Together they are what the requests took.
func (p paper) phases() {
	times := diagnose.TimesOf(p.measured)
	bars := p.all(".phase-bar")
	require.Len(p.t, bars, 2)
	for i, m := range []diagnose.PhaseMeans{times.All, times.Slowest} {
		bar, of := p.within(bars[i]), [...]string{"All %s requests", "The slowest %s"}[i]
		bar.says("span", fmt.Sprintf(of, quantity.Format(float64(m.N), quantity.Count))+" "+quantity.Format(m.Total(), quantity.Seconds)+" on average")
		parts := p.all(".key", bars[i])
		titles := p.all("title", bars[i])
		k := 0
		for _, phase := range phasesOf(m.Phases) {
			if phase.s == 0 {
				continue
			}
			value := quantity.Format(phase.s, quantity.Seconds)
			p.equal(parts[k], phase.name+" "+value+" "+quantity.Format(phase.s/m.Total(), quantity.Ratio))
			p.equal(titles[k], phase.name+": "+value)
			k++
		}
		assert.Len(p.t, parts, k)
	}
	for _, s := range p.data.Phases {
		require.Len(p.t, s.At, len(times.Moments))
		for k, moment := range times.Moments {
			for _, phase := range phasesOf(moment.Phases) {
				if phase.name == s.Name {
					p.shown(s.V[k], phase.s, s.Name)
				}
			}
			assert.InDelta(p.t, p.data.From+float64(k)*float64(times.EveryNS)/1e9, s.At[k], 1e-9)
		}
	}
	from, to := p.of.Manifest.FromNS, p.of.Manifest.ToNS
	p.duck.ask(fmt.Sprintf("select avg(done_ns - due_ns) / 1e9, avg(lag_ns) / 1e9, count(*) from 'requests.parquet' where sent_ns is not null and due_ns >= %d and due_ns < %d", from, to),
		func(rows [][]string) {
			near(p.t, times.All.Total(), number(rows[0][0]), "the time of an average request")
			near(p.t, times.All.Client, number(rows[0][1]), "what of it was the client's")
			assert.Equal(p.t, float64(times.All.N), number(rows[0][2]))
		})
}

type phase struct {
	name string
	s    float64
}

func phasesOf(p diagnose.Phases) []phase {
	return []phase{{"client", p.Client}, {"network", p.Network}, {"front end", p.FrontEnd}, {"queue", p.Queue}, {"prefill", p.Prefill}, {"until the first token", p.Server}, {"decode", p.Decode}, {"stall", p.Stall}}
}

// shown compares a value that is drawn, which has four digits, with what it is.
func (p paper) shown(drawn, is float64, of string) {
	p.t.Helper()
	half := .5
	if most := math.Max(math.Abs(drawn), math.Abs(is)); most < 1000 && most > 0 {
		half = .5 * math.Pow(10, math.Floor(math.Log10(most))-3)
	}
	assert.InDelta(p.t, is, drawn, half+1e-9*math.Abs(is), of)
}

// packed are the requests that are drawn, column by column; chart.Column says how.
type packed struct {
	N, Seen, Every int
	Columns        []column
	Figures        []column
	Classes, Words []string
	Packed         string
}

type column struct {
	Name, Kind string
	Bytes      int
	Some       bool
}

// unpack gives the numbers of each column, of "v" those of all requests in one; and of each
// metric, NaN where there is none.
func (p paper) unpack(of packed) (columns, figures map[string][]float64) {
	zipped, err := base64.StdEncoding.DecodeString(of.Packed)
	require.NoError(p.t, err)
	unzip, err := gzip.NewReader(bytes.NewReader(zipped))
	require.NoError(p.t, err)
	raw, err := io.ReadAll(unzip)
	require.NoError(p.t, err)
	columns, figures = map[string][]float64{}, map[string][]float64{}
	for i, c := range slices.Concat(of.Columns, of.Figures) {
		part, out := raw[:c.Bytes], columns
		raw = raw[c.Bytes:]
		if i >= len(of.Columns) {
			out = figures
		}
		for sum := 0.0; len(part) > 0; {
			var v float64
			switch c.Kind {
			case "u1":
				v, part = float64(part[0]), part[1:]
			case "v":
				n, size := binary.Uvarint(part)
				v, part = float64(n), part[size:]
			default:
				bits := binary.LittleEndian.Uint32(part)
				v, part = float64(bits), part[4:]
				if c.Kind == "f4" || i >= len(of.Columns) && bits == math.MaxUint32 {
					v = float64(math.Float32frombits(bits))
				} else if c.Kind == "d4" {
					sum += v
					v = sum
				}
			}
			out[c.Name] = append(out[c.Name], v)
		}
	}
	require.Empty(p.t, raw)
	return columns, figures
}

// requests holds each point of the first chart, and what opens when one clicks on it,
// against its row. Durations are told to 16 bits.
func (p paper) requests() {
	of := p.data.Requests
	columns, figures := p.unpack(of)
	known := strings.Fields("due ended seq class failure finish error beside chunks at")
	assert.ElementsMatch(p.t, known, slices.Collect(maps.Keys(columns)), "each is looked at below")
	p.duck.ask(`select seq, due_ns, lag_ns / 1e9, connecting_ns / 1e9, ttft_ns / 1e9, if(failure is null, tpot_ns, null) / 1e9, if(failure is null, e2e_ns, null) / 1e9,
		if(failure is null, list_max([chunk_ns[i + 1] - chunk_ns[i] for i in range(1, len(chunk_ns))]), null) / 1e9, e2e_ns / 1e9, prompt_tokens, output_tokens, cached_tokens, class, failure, finish, error, [x - due_ns for x in chunk_ns] from 'requests.parquet' order by due_ns, seq`, func(rows [][]string) {
		require.Len(p.t, rows, of.N)
		assert.Equal(p.t, []int{of.N, 1}, []int{of.Seen, of.Every}, "each is drawn")
		at := columns["at"]
		for i, row := range rows {
			is := func(name string) float64 { return columns[name][i] }
			require.Equal(p.t, number(row[0]), is("seq"))
			assert.InDelta(p.t, number(row[1])/1e4, is("due"), 1)
			for k, name := range []string{"lag", "connecting", "TTFT", "TPOT", "E2E latency", "longest gap"} {
				p.told(name+" of request "+row[0], number(row[2+k]), figures[name][i])
			}
			p.told("end of request "+row[0], number(row[8]), is("ended"))
			for k, name := range []string{"input tokens", "output tokens", "cached tokens"} {
				p.told(name+" of request "+row[0], number(row[9+k]), figures[name][i])
			}
			assert.Equal(p.t, row[12:16], []string{of.Classes[int(is("class"))], of.Words[int(is("failure"))], of.Words[int(is("finish"))], of.Words[int(is("error"))]})
			assert.Zero(p.t, is("beside"))
			chunks := strings.Fields(row[16])
			require.Equal(p.t, float64(len(chunks)), is("chunks"))
			sum := 0.0
			for k, chunk := range chunks {
				sum += at[k]
				assert.InDelta(p.t, number(chunk)/1e5, sum, 1)
			}
			at = at[len(chunks):]
		}
		assert.Empty(p.t, at)
	})
}

// story is the query beside the first chart: it gives each metric that requests have.
func (p paper) story() {
	columns, figures := p.unpack(p.data.Requests)
	var names []string
	for _, f := range p.data.Requests.Figures {
		if f.Some {
			names = append(names, f.Name)
		}
	}
	require.GreaterOrEqual(p.t, len(names), 10)
	p.duck.ask(content(p.first("pre", p.section("story"))), func(rows [][]string) {
		require.Len(p.t, rows, p.data.Requests.N)
		for i, row := range rows {
			require.Equal(p.t, number(row[0]), columns["seq"][i])
			require.Len(p.t, row, 4+len(names))
			for k, name := range names {
				p.told(name+" of request "+row[0], number(row[4+k]), figures[name][i])
			}
		}
	})
}

// told compares a duration in seconds with what is told of it, to 16 bits; NaN is none.
func (p paper) told(of string, want, got float64) {
	p.t.Helper()
	if math.IsNaN(want) || math.IsNaN(got) {
		assert.Equal(p.t, math.IsNaN(want), math.IsNaN(got), of)
		return
	}
	assert.InDelta(p.t, want, got, want*math.Pow(2, -16), of)
}
