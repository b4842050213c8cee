package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/tokens"
)

// A Length in tokens is drawn from a normal distribution, cut off at 1; from a
// log-normal one of the same mean and deviation; where From is given evenly between
// From and To; or from a histogram.
type Length struct {
	Mean, Deviation int
	LogNormal       bool
	From, To        int // Mean is the middle between them
	Histogram       *Histogram
}

func (l Length) String() string {
	switch {
	case l.Histogram != nil:
		return fmt.Sprintf("%d (on average, as in %s)", l.Mean, l.Histogram.Name)
	case l.From > 0:
		return fmt.Sprintf("%d to %d", l.From, l.To)
	case l.Deviation == 0:
		return fmt.Sprint(l.Mean)
	case l.LogNormal:
		return fmt.Sprintf("a log-normal %d ± %d", l.Mean, l.Deviation)
	}
	return fmt.Sprintf("%d ± %d", l.Mean, l.Deviation)
}

func (l Length) check() error {
	if l.Mean < 1 || l.Deviation < 0 || l.To < l.From {
		return errors.New("prompts and answers need at least 1 token")
	}
	return nil
}

// Draw is one length.
func (l Length) Draw(r *rand.Rand) int { return l.draw(r) }

func (l Length) draw(r *rand.Rand) int {
	mean, deviation := float64(l.Mean), float64(l.Deviation)
	switch {
	case l.Histogram != nil:
		return l.Histogram.draw(r)
	case l.From > 0:
		return l.From + r.IntN(l.To-l.From+1)
	case l.Deviation == 0:
		return l.Mean
	case l.LogNormal:
		variance := math.Log1p(deviation / mean * deviation / mean)
		return max(1, int(math.Round(mean*math.Exp(r.NormFloat64()*math.Sqrt(variance)-variance/2))))
	}
	return max(1, l.Mean+int(math.Round(r.NormFloat64()*deviation)))
}

// A Histogram is how often lengths come.
type Histogram struct {
	Name string // of its file
	Bins []Bin
	upTo []float64 // the weights of the bins until and with each
}

// A Bin is lengths between two, both included, all equally likely.
type Bin struct {
	From, To int
	Weight   float64
}

// ReadHistogram reads a histogram of lengths from a CSV file with the columns
// length and weight, or from, to and weight. Weights are shares or counts: what
// matters is how they stand to each other.
func ReadHistogram(files fs.FS, path string) (Length, error) {
	file, err := source.OpenText(files, path)
	if err != nil {
		return Length{}, err
	}
	defer file.Close()
	h := &Histogram{Name: path}
	if err := h.read(file); err != nil {
		return Length{}, source.InFile(path, err)
	}
	sum, total := 0.0, 0.0
	for _, b := range h.Bins {
		sum += b.Weight
		total += b.Weight * float64(b.From+b.To) / 2
		h.upTo = append(h.upTo, sum)
	}
	if sum <= 0 || math.IsInf(sum, 0) || math.IsInf(total, 0) {
		return Length{}, fmt.Errorf("%s: the weights are %g together; some length must have one above 0", path, sum)
	}
	return Length{Mean: max(1, int(math.Round(total/sum))), Histogram: h}, nil
}

func (h *Histogram) read(file *source.File) error {
	columns := func(header []string) (from, to, weight int) {
		return source.Column(header, "from", "length"), source.Column(header, "to", "length"), source.Column(header, "weight")
	}
	if file.Size == 0 {
		return errors.New("it is empty; its columns must be length, weight or from, to, weight")
	}
	rows, err := source.NewTable(file, file.From(0), func(header []string) bool {
		from, to, weight := columns(header)
		return min(from, to, weight) >= 0
	})
	if err != nil {
		return err
	}
	from, to, weight := columns(rows.Header)
	if min(from, to, weight) < 0 {
		return source.AtLine(1, fmt.Errorf("the columns are %q; they must be length, weight or from, to, weight", rows.Header))
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		bin, err := parseBin(row[from], row[to], row[weight], rows.Comma != ',')
		if err != nil {
			return rows.Wrong(err)
		}
		h.Bins = append(h.Bins, bin)
	}
}

func parseBin(from, to, weight string, decimalComma bool) (b Bin, err error) {
	first, isFirst, err := source.ParseWhole(from, decimalComma)
	last, isLast, lastErr := source.ParseWhole(to, decimalComma)
	if err != nil || lastErr != nil || !isFirst || !isLast || first < 1 || last < first || last > tokens.Most {
		return b, fmt.Errorf("the length is %q to %q; it must be a whole number of tokens, at least 1, the first not above the second", from, to)
	}
	b.From, b.To = int(first), int(last)
	plain := strings.TrimSpace(weight)
	if decimalComma {
		plain = strings.Replace(plain, ",", ".", 1)
	}
	if b.Weight, err = strconv.ParseFloat(plain, 64); err != nil || !(b.Weight >= 0) || math.IsInf(b.Weight, 0) {
		return b, fmt.Errorf("the weight is %q; it must be a number, at least 0", weight)
	}
	return b, nil
}

func (h *Histogram) draw(r *rand.Rand) int {
	at := r.Float64() * h.upTo[len(h.upTo)-1]
	i := sort.Search(len(h.upTo), func(i int) bool { return h.upTo[i] > at })
	b := h.Bins[min(i, len(h.Bins)-1)]
	return b.From + r.IntN(b.To-b.From+1)
}
