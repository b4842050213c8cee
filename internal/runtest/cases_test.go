package runtest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

const example = `
# What stands above the first row is about the run.
case late, and some failed
  requests 10 every 100ms
  request all: sent 20ms, headers 30ms, first 1s, tokens 3, late 2 by 50ms
  request 1-9/4: fails http 503, status 503, chunks 0, error no room
  warm-up 200ms
  load 4 users
  good TTFT | at most 500 ms
  read every 2s
  sample server vllm:num_requests_waiting{model="a"} 3 _ 0+10x2 7x1
  histogram vllm:request_queue_time_seconds 0+4x1 of 250ms below 500ms
  split no
  | p50 TTFT | at most 1 s | missed |
    cause it took long

case spread out
  requests 5 every 1s
  request 0-3: first 100ms..400ms
  | error rate | none | met |
`

func TestRead(t *testing.T) {
	all, err := runtest.Read("a.test", example)
	require.NoError(t, err)
	require.Len(t, all, 2)
	c := all[0]
	assert.Equal(t, "a.test:3", c.Where)
	assert.Equal(t, [][2]string{{"TTFT", "at most 500 ms"}}, c.Good)
	assert.Equal(t, harness.Closed{Users: 4, Requests: 10}, c.Run.Scenario.Load)
	assert.Equal(t, []runtest.Want{{Where: "a.test:13", Key: "split", Text: "no"}}, c.Wants)
	assert.Equal(t, []runtest.Row{{Where: "a.test:14", Subject: "p50 TTFT", Expectation: "at most 1 s", Outcome: "missed",
		Wants: []runtest.Want{{Where: "a.test:15", Key: "cause", Text: "it took long"}}}}, c.Rows)

	records := slices.Collect(c.Run.Records)
	require.Len(t, records, 10)
	r := records[2]
	assert.Equal(t, []time.Duration{1200 * time.Millisecond, 1260 * time.Millisecond, 1270 * time.Millisecond}, r.Chunks)
	assert.Equal(t, 220*time.Millisecond, r.Sent)
	assert.Equal(t, 230*time.Millisecond, r.Headers)
	assert.True(t, r.OK())
	assert.True(t, records[1].Warmup)
	assert.False(t, r.Warmup)
	assert.Equal(t, harness.Failure("http 503"), records[5].Failure)
	assert.Empty(t, records[5].Chunks)
	assert.Equal(t, time.Second, c.Run.To)
	assert.Equal(t, 900*time.Millisecond+1070*time.Millisecond, c.Run.Length)

	var waiting []float64
	buckets := map[string]float64{}
	for s := range c.Run.Samples {
		switch s.Series {
		case "vllm:num_requests_waiting":
			waiting = append(waiting, s.At.Seconds(), s.Value)
			assert.Equal(t, map[string]string{"engine": "0", "model": "a"}, s.Labels)
		case "vllm:request_queue_time_seconds_bucket":
			buckets[s.Labels["le"]] = s.Value
		case "vllm:request_queue_time_seconds_sum":
			buckets["sum"] = s.Value
		}
	}
	assert.Equal(t, []float64{0, 3, 4, 0, 6, 10, 8, 20, 10, 7, 12, 7}, waiting)
	assert.Equal(t, map[string]float64{"0.1": 0, "0.5": 4, "1": 4, "2.5": 4, "+Inf": 4, "sum": 1}, buckets)

	var first []time.Duration
	for r := range all[1].Run.Records {
		first = append(first, r.TTFT())
	}
	assert.ElementsMatch(t, []time.Duration{100e6, 200e6, 300e6, 400e6, 50e6}, first)
	assert.Equal(t, 50*time.Millisecond, first[4])
}

func TestRead_RefusesWhatItCannotRead(t *testing.T) {
	for says, text := range map[string]string{
		"a.test:1: a line stands before the first case":              "requests 4 every 1s",
		"a.test: there is no case in it":                             "# nothing",
		`a.test:2: "reqests" begins no line`:                         "case a\nreqests 4 every 1s",
		`a.test:2: "some" is no number`:                              "case a\nrequests some every 1s",
		`a.test:2: "at 1s" does not begin with "every"`:              "case a\nrequests 4 at 1s",
		`a.test:3: there are no requests 2-4 of 4`:                   "case a\nrequests 4 every 1s\nrequest 2-4: first 1s",
		`a.test:3: "all first 1s" has no ":"`:                        "case a\nrequests 4 every 1s\nrequest all first 1s",
		`a.test:3: colour red: requests have no "colour"`:            "case a\nrequests 4 every 1s\nrequest all: colour red",
		`a.test:3: first soon: time: invalid duration "soon"`:        "case a\nrequests 4 every 1s\nrequest all: first soon",
		`a.test:2: there is no value in`:                             "case a\nsample server x",
		`a.test:2: strconv.ParseFloat: parsing "much"`:               "case a\nsample server x much",
		`a.test:2: a load is "10 users" or`:                          "case a\nload many",
		`a.test:2: a row has a subject, an expectation and an outco`: "case a\n| p50 TTFT | at most 1 s |",
		`a.test:2: "TTFT at most 1 s" has no "|"`:                    "case a\ngood TTFT at most 1 s",
	} {
		_, err := runtest.Read("a.test", text)
		assert.ErrorContains(t, err, says)
	}
}
