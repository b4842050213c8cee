package chart

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// Requests are the requests that are drawn: a few columns of numbers, in the order
// in which the requests were due, packed so that a hundred thousand of them are a
// few megabytes. Words are kept once and pointed at.
type Requests struct {
	N       int // drawn
	Seen    int // in all
	Every   int // one of so many is drawn; the slowest, and those that failed, beside
	Told    int // whose tokens are on the page, one by one
	Columns []Column
	Figures []Figure // each metric that requests have one value of
	Classes []string
	Words   []string // failures, finish reasons, errors; the first is ""

	brisk bool // pack them in little time rather than little room
}

// A Column is one number of each request. Kind says how it is written: f4 is a
// float of four bytes, u4, u2 and u1 whole numbers, all little-endian; d4 is u4 of
// differences to the one before; v is a list of whole numbers of any length, seven
// bits a byte, the eighth says that more follow (LEB128).
type Column struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Bytes int    `json:"bytes"`

	data []byte
}

// A Figure is the column of a metric: in seconds as f4, of tokens and chunks as u4.
type Figure struct {
	Column
	Unit quantity.Unit `json:"unit"`
	Some bool          `json:"some"` // some request has a value

	of metric.Metric
}

// Ticks are the parts of a second in which instants are given.
const (
	dueTicks   = 100_000 // of due
	chunkTicks = 10_000  // of chunks
)

// missing is what was not reported or did not come, which as a float is no number.
const missing = math.MaxUint32

// packedRequests is how they stand in the page.
type packedRequests struct {
	N       int      `json:"n"`
	Seen    int      `json:"seen"`
	Every   int      `json:"every"`
	Told    int      `json:"told"`
	Columns []Column `json:"columns"`
	Figures []Figure `json:"figures"`
	Classes []string `json:"classes"`
	Words   []string `json:"words"`
	Packed  string   `json:"packed"` // all columns and figures, one after the other: gzip, base64
}

// MarshalJSON packs the columns.
func (r Requests) MarshalJSON() ([]byte, error) {
	// Several may be sent the same.
	p := packedRequests{r.N, r.Seen, r.Every, r.Told, slices.Clone(r.Columns), slices.Clone(r.Figures), r.Classes, r.Words, ""}
	var out bytes.Buffer
	level := gzip.DefaultCompression
	if r.brisk {
		level = gzip.BestSpeed
	}
	zip, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		return nil, err
	}
	for c := range p.each() {
		c.Bytes = len(c.data)
		if _, err := zip.Write(c.data); err != nil {
			return nil, err
		}
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	p.Packed = base64.StdEncoding.EncodeToString(out.Bytes())
	return json.Marshal(p)
}

// each are all columns, in the order in which they are written.
func (p *packedRequests) each() iter.Seq[*Column] {
	return func(yield func(*Column) bool) {
		for i := range p.Columns {
			if !yield(&p.Columns[i]) {
				return
			}
		}
		for i := range p.Figures {
			if !yield(&p.Figures[i].Column) {
				return
			}
		}
	}
}

// pack makes the columns of these points, which are in the order of due and have these metrics.
func pack(points []*point, metrics []metric.Metric) Requests {
	r := Requests{N: len(points), Words: []string{""}, Classes: []string{}}
	words, classes := newTable(&r.Words, 250), newTable(&r.Classes, 250)
	last := uint32(0)
	whole := func(name, kind string, of func(*point) uint32) {
		r.Columns = append(r.Columns, column(name, kind, points, of))
	}
	whole("due", "d4", func(p *point) uint32 {
		at := uint32(p.due.Seconds() * dueTicks)
		step := at - last
		last = at
		return step
	})
	whole("ended", "f4", func(p *point) uint32 { return short(p.ended.Seconds(), p.ended >= 0) })
	whole("seq", "u4", func(p *point) uint32 { return uint32(p.seq) })
	whole("class", "u1", func(p *point) uint32 { return classes.of(p.class) })
	whole("failure", "u1", func(p *point) uint32 { return words.of(p.failure) })
	whole("finish", "u1", func(p *point) uint32 { return words.of(p.finish) })
	whole("error", "u1", func(p *point) uint32 { return words.of(p.error) })
	whole("beside", "u1", func(p *point) uint32 { return bit(p.beside) })
	whole("chunks", "u4", func(p *point) uint32 { return uint32(p.chunks) })
	if slices.ContainsFunc(points, func(p *point) bool { return p.engine != "" }) {
		whole("engine", "u1", func(p *point) uint32 { return words.of(p.engine) })
	}
	at := Column{Name: "at", Kind: "v"}
	for _, p := range points {
		at.data = append(at.data, p.at...)
		if p.chunks > 0 {
			r.Told++
		}
	}
	r.Columns = append(r.Columns, at)
	for i, m := range metrics {
		r.Figures = append(r.Figures, figure(m, points, func(p *point) uint32 { return p.figures[i] }))
	}
	return r
}

// figure is the column of a metric.
func figure(m metric.Metric, points []*point, of func(*point) uint32) Figure {
	f := Figure{Column: column(m.Name, kindOf(m), points, of), Unit: m.Unit, of: m}
	for _, p := range points {
		f.Some = f.Some || of(p) != missing
	}
	return f
}

// kindOf is how the values of a metric are written.
func kindOf(m metric.Metric) string {
	if m.Unit == quantity.Tokens || m.Unit == quantity.Count {
		return "u4"
	}
	return "f4"
}

// figuresOf are the values of a request, as their columns have them.
func figuresOf(r *harness.Record, metrics []metric.Metric) []uint32 {
	out := make([]uint32, len(metrics))
	for i, m := range metrics {
		value, is := m.PerRequest().Shown(r)
		switch {
		case kindOf(m) == "f4":
			out[i] = short(value, is)
		case is:
			out[i] = uint32(value)
		default:
			out[i] = missing
		}
	}
	return out
}

func column(name, kind string, points []*point, of func(*point) uint32) Column {
	c := Column{Name: name, Kind: kind, data: make([]byte, 0, 4*len(points))}
	for _, p := range points {
		switch v := of(p); kind {
		case "u1":
			c.data = append(c.data, byte(v))
		default:
			c.data = binary.LittleEndian.AppendUint32(c.data, v)
		}
	}
	return c
}

// short is a value, if there is one, as a float of four bytes, rounded to 16 bits of
// mantissa: more would be bytes that are not seen.
func short(value float64, is bool) uint32 {
	if !is {
		return missing
	}
	return (math.Float32bits(float32(value)) + 0x40) &^ 0x7f
}

func bit(is bool) uint32 {
	if is {
		return 1
	}
	return 0
}

// A table numbers words as they come. What does not fit into it any more is "other".
type table struct {
	words *[]string
	place map[string]uint32
	most  int
}

func newTable(words *[]string, most int) *table {
	t := &table{words, map[string]uint32{}, most}
	for i, w := range *words {
		t.place[w] = uint32(i)
	}
	return t
}

func (t *table) of(word string) uint32 {
	if i, ok := t.place[word]; ok {
		return i
	}
	if len(*t.words) >= t.most && word != "other" {
		return t.of("other")
	}
	i := uint32(len(*t.words))
	t.place[word] = i
	*t.words = append(*t.words, word)
	return i
}

// instants are those of an answer's chunks since the request was due, each as the
// difference to the one before.
func instants(due time.Duration, chunks []time.Duration) []byte {
	out := make([]byte, 0, 2*len(chunks))
	last := uint64(0)
	for _, at := range chunks {
		tick := uint64(max(0, at-due).Seconds() * chunkTicks)
		out = binary.AppendUvarint(out, max(tick, last)-last)
		last = max(tick, last)
	}
	return out
}
