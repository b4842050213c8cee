package trace_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset/trace"
)

// mooncake is a trace in Mooncake's form of twelve requests a fifth of a second apart,
// in a unit of so many a second, since an instant.
func mooncake(perSecond, since float64, format string) string {
	var out strings.Builder
	for i := range 12 {
		fmt.Fprintf(&out, `{"timestamp": `+format+`, "input_length": 600, "output_length": 8}`+"\n", since+float64(i)*perSecond/5)
	}
	return out.String()
}

func TestTrace_inAnotherUnitSaysSo(t *testing.T) {
	read := func(content string) error {
		played, err := trace.Read(folder("x.jsonl", content), "x.jsonl")
		if err != nil {
			return err
		}
		return played.Units()
	}
	for name, c := range map[string]struct{ content, says string }{
		"seconds":            {mooncake(1, 0, "%.1f"), `x.jsonl:2: read as milliseconds, the timestamps are those of 12 requests in 2.2 ms, 5000 per second on average; they look like seconds, 5 per second: write milliseconds (200)`},
		"whole seconds":      {mooncake(5, 0, "%.0f"), "they look like seconds, 1 per second: write milliseconds (1000)"},
		"microseconds":       {mooncake(1e6, 0, "%.0f"), "they look like microseconds, 5 per second: write milliseconds (200)"},
		"nanoseconds":        {mooncake(1e9, 0, "%.0f"), "they look like nanoseconds, 5 per second: write milliseconds (200)"},
		"seconds since 1970": {mooncake(1, 1.76e9, "%.1f"), "x.jsonl:1: the timestamp is 1760000000, which are seconds since 1970; a trace in this form has milliseconds: write 1760000000000"},
		"microseconds since": {mooncake(1e6, 1.76e15, "%.0f"), "which are microseconds since 1970"},
		"nanoseconds since":  {mooncake(1e9, 1.76e18, "%.0f"), "which are nanoseconds since 1970"},
		"too far apart":      {`{"timestamp": 0, "input_length": 1, "output_length": 1}` + "\n" + `{"timestamp": 1e16, "input_length": 1, "output_length": 1}`, "x.jsonl:2: the timestamp is 10000000000000000, and that of the first request is 0: read as milliseconds they lie 1.16e+08 days apart"},
	} {
		assert.ErrorContains(t, read(c.content), c.says, name)
	}
	for _, content := range []string{mooncake(1e3, 0, "%.0f"), mooncake(1e3, 1.76e12, "%.0f"), mooncake(1e3, 77, "%.3f")} {
		require.NoError(t, read(content))
		played, err := trace.Read(folder("x.jsonl", content), "x.jsonl")
		require.NoError(t, err)
		assert.Equal(t, 2200*time.Millisecond, played.Requests[11].At)
		assert.Equal(t, []string{`trace "x.jsonl": 12 requests in 2.2 s, 5 per second on average`}, played.Remarks())
	}
	var table strings.Builder
	table.WriteString("Timestamp,Request tokens,Response tokens\n")
	for i := range 12 {
		fmt.Fprintf(&table, "%d,10,10\n", i*200)
	}
	assert.ErrorContains(t, read(table.String()), "read as seconds, the timestamps are those of 12 requests in 0.611 hours")
}

func TestBlocks_sizeIsFoundInTheFile(t *testing.T) {
	line := func(prompt, names int) string {
		ids := make([]string, names)
		for i := range ids {
			ids[i] = fmt.Sprint(i)
		}
		return fmt.Sprintf(`{"timestamp": 0, "input_length": %d, "output_length": 8, "hash_ids": [%s]}`+"\n", prompt, strings.Join(ids, ", "))
	}
	for _, c := range []struct {
		content string
		block   int
		says    string
	}{
		{line(8000, 16) + line(1155, 3) + line(668, 2), 512, ""},
		{line(10, 1), 512, ""},
		{line(1600, 100) + line(1601, 101) + line(7, 1), 16, ""},
		{line(1607, 100) + line(40, 2), 16, ""}, // blocks that are not full have no name
		{line(1600, 25), 64, ""},
		{line(1600, 0), 0, ""},
		{line(600, 1) + line(600, 1), 512, ""},
		{line(2000, 1), 1024, ""},
		{line(2000, 1) + line(100, 1), 2048, ""},
		{line(1600, 100) + line(1600, 4), 0, "x.jsonl:2: 4 hash_ids do not fit a prompt of 1600 tokens: names of 512 tokens each would be 4, and no other size fits all lines up to this one"},
		{line(3000, 30), 0, "x.jsonl:1: 30 hash_ids do not fit a prompt of 3000 tokens: names of 512 tokens each would be 6"},
	} {
		played, err := trace.Read(folder("x.jsonl", c.content), "x.jsonl")
		if c.says != "" {
			assert.ErrorContains(t, err, c.says)
			continue
		}
		require.NoError(t, err, c.content)
		assert.Equal(t, c.block, played.Block)
		assert.Equal(t, c.block != 0 && c.block != 512, strings.Contains(played.Remarks()[0], fmt.Sprintf("each of its hash_ids names %d tokens", c.block)))
	}
}

func TestBlocks_promptsShareWhatTheirNamesShare(t *testing.T) {
	played := trace.Trace{Block: 16, Requests: []trace.Request{{Prompt: 64, Answer: 1, Blocks: []int{1, 2, 3, 4}}, {Prompt: 64, Answer: 1, Blocks: []int{1, 2, 5, 6}}}}
	conversations, err := played.Conversations(rand.New(rand.NewPCG(1, 1)))
	require.NoError(t, err)
	drawn := take(2, conversations)
	a, b := drawn[0].Turns[0].TokenIDs, drawn[1].Turns[0].TokenIDs
	assert.Equal(t, a[:32], b[:32])
	assert.NotEqual(t, a[32:48], b[32:48])
}
