package dataset_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset"
)

// lengths are n prompt lengths as they are drawn.
func lengths(t *testing.T, n int, l dataset.Length) (out []int) {
	t.Helper()
	conversations, err := dataset.Synthetic{Prompt: l, Answer: dataset.Length{Mean: 1}}.Conversations(stream(1))
	require.NoError(t, err)
	for _, c := range take(n, conversations) {
		assert.Len(t, c.Turns[0].TokenIDs, c.Turns[0].Tokens)
		out = append(out, c.Turns[0].Tokens)
	}
	return out
}

func TestLengths_logNormalMeanAndDeviation(t *testing.T) {
	const n = 20_000
	l := dataset.Length{Mean: 512, Deviation: 256, LogNormal: true}
	var sum, squares, logs float64
	for _, tokens := range lengths(t, n, l) {
		v := float64(tokens)
		sum, squares, logs = sum+v, squares+v*v, logs+math.Log(v)
	}
	mean := sum / n
	assert.InDelta(t, 512, mean, 4*256/math.Sqrt(n))
	assert.InEpsilon(t, 256, math.Sqrt(squares/n-mean*mean), 0.05)
	assert.InDelta(t, 512/math.Sqrt(1.25), math.Exp(logs/n), 8, "the median lies below the mean, as the formula says")
	assert.Equal(t, "a log-normal 512 ± 256", l.String())
}

func TestLengths_asAHistogramSays(t *testing.T) {
	l, err := dataset.ReadHistogram(folder("h.csv", "from,to,weight\n1,10,1\n100,100,2\n200,201,0\n1000,1999,1\n"), "h.csv")
	require.NoError(t, err)
	assert.Equal(t, 426, l.Mean, "(5.5 + 2 × 100 + 1,499.5) ÷ 4")
	counts := map[string]int{}
	for _, tokens := range lengths(t, 8_000, l) {
		switch {
		case tokens >= 1 && tokens <= 10:
			counts["short"]++
		case tokens == 100:
			counts["hundred"]++
		case tokens >= 1000 && tokens <= 1999:
			counts["long"]++
		default:
			t.Fatalf("no objective asked for %d tokens", tokens)
		}
	}
	assert.InDelta(t, 2000, counts["short"], 160, "four deviations")
	assert.InDelta(t, 4000, counts["hundred"], 180)
	assert.InDelta(t, 2000, counts["long"], 160)

	l, err = dataset.ReadHistogram(folder("h.csv", "Length,Weight\n7,0.5\n"), "h.csv")
	require.NoError(t, err)
	assert.Equal(t, []int{7, 7, 7}, lengths(t, 3, l))
}

func TestHistogram_thatCannotBeReadSaysWhere(t *testing.T) {
	for says, content := range map[string]string{
		"h.csv: it is empty":                                    "",
		`h.csv:1: the columns are ["a" "weight"]`:               "a,weight\n1,1\n",
		`h.csv:3: the length is "many" to "many"`:               "length,weight\n1,1\nmany,1\n",
		`h.csv:2: the length is "9" to "3"`:                     "from,to,weight\n9,3,1\n",
		`h.csv:2: the length is "0" to "0"`:                     "length,weight\n0,1\n",
		`h.csv:2: the weight is "-1"`:                           "length,weight\n1,-1\n",
		"h.csv: the weights are 0 together":                     "length,weight\n1,0\n",
		"h.csv:2: the row has 1 cells, and there are 2 columns": "length,weight\n1\n",
		`h.csv:2: the length is "1" to "999999999999999"`:       "from,to,weight\n1,999999999999999,1\n",
		`h.csv:2: the weight is "NaN"; it must be a number`:     "length,weight\n1,NaN\n",
	} {
		_, err := dataset.ReadHistogram(folder("h.csv", content), "h.csv")
		assert.ErrorContains(t, err, says)
	}
}

func FuzzHistograms(f *testing.F) {
	for _, seed := range []string{"length,weight\n1,1\n", "from,to,weight\n1,10,0.5\n20,30,1e300\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := dataset.ReadHistogram(fstest.MapFS{"h.csv": {Data: bytes.Clone(raw)}}, "h.csv")
		if err != nil {
			require.Contains(t, err.Error(), "h.csv")
			return
		}
		l.Mean = min(l.Mean, 1<<20)
		conversations, err := dataset.Synthetic{Prompt: dataset.Length{Mean: 1}, Answer: l}.Conversations(rand.New(rand.NewPCG(1, 1)))
		require.NoError(t, err)
		for _, c := range take(10, conversations) {
			require.Positive(t, c.Turns[0].MaxTokens)
		}
	})
}
