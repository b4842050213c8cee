package harness_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

// A watchable source takes so long to answer as it says, by the time of the run.
type watchable struct {
	takes func(at time.Duration) time.Duration
	began time.Time
	read  []time.Duration
}

func (s *watchable) String() string { return "server" }

func (s *watchable) Read(ctx context.Context) ([]harness.Reading, error) {
	at := time.Since(s.began)
	s.read = append(s.read, at)
	select {
	case <-time.After(s.takes(at)):
		return []harness.Reading{{Source: "server", Series: "v", Value: 1}}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestWatch_readsASlowSourceMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &watchable{began: time.Now(), takes: func(at time.Duration) time.Duration {
			if at > 9*time.Second && at < 20*time.Second {
				return 400 * time.Millisecond
			}
			return 10 * time.Millisecond
		}}
		s := harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: 40 * time.Second}, Warmup: 16500 * time.Millisecond}
		out, err := harness.Runner{Client: answer{chunks: 1}, Samplers: []harness.Sampler{source}}.Run(t.Context(), s)
		require.NoError(t, err)
		var at []float64
		for sample := range out.Samples {
			if sample.Source == "server" {
				at = append(at, sample.At.Seconds())
			}
		}
		assert.Equal(t, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 15, 16.5, 20, 21, 22, 23}, at[:17], "half as often each time, down to a tenth of its time; when the warm-up ends; and every second again as soon as it is fast")
		assert.Equal(t, []float64{39, 40}, at[len(at)-2:], "once at the end, though a tick is due then")
		assert.Equal(t, []string{"the server took up to 0.4 s to answer, so it was read every 4 s at times, not to burden it"}, harness.WarningTexts(out.Warnings))
	})
}

func TestWatch_lateReadingIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &watchable{began: time.Now(), takes: func(at time.Duration) time.Duration {
			if at > 3*time.Second && at < 6*time.Second {
				return time.Hour
			}
			return 0
		}}
		s := harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: 10 * time.Second}}
		out, err := harness.Runner{Client: answer{chunks: 1}, Samplers: []harness.Sampler{source}}.Run(t.Context(), s)
		require.NoError(t, err)
		missing := 0.0
		for sample := range out.Samples {
			if sample.Series == harness.SeriesMissing {
				assert.Equal(t, "server", sample.Labels["of"])
				missing = max(missing, sample.Value)
			}
			assert.False(t, sample.Source == "server" && sample.At > 3*time.Second && sample.At < 6*time.Second)
		}
		assert.Positive(t, missing)
		assert.Contains(t, out.Warnings[0].Text, "readings of the server are missing: at ")
		assert.Contains(t, out.Warnings[0].Text, "no answer came within 1 s")
	})
}

// A gappy source gives what is no value for one of its series, and does not answer at
// some time.
type gappy struct{ reads int }

func (g *gappy) String() string { return "server" }

func (g *gappy) Read(context.Context) ([]harness.Reading, error) {
	if g.reads++; g.reads == 4 {
		return nil, errors.New("http://host/metrics: 503")
	}
	reading := func(series string, v float64, engine string) harness.Reading {
		return harness.Reading{Source: "server", Series: series, Labels: map[string]string{"engine": engine}, Value: v}
	}
	return []harness.Reading{reading("vllm:share", math.NaN(), "0"), reading("vllm:num_requests_running", -1, "1"),
		reading("vllm:num_requests_running", 2, "0"), reading("room_celsius", -3, "0")}, nil
}

func TestWatch_seriesWithoutAValueIsNoGapOfItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: 10 * time.Second}}
		out, err := harness.Runner{Client: answer{chunks: 1}, Samplers: []harness.Sampler{new(gappy)}}.Run(t.Context(), s)
		require.NoError(t, err)
		kept, missing := map[string]int{}, 0.0
		for sample := range out.Samples {
			switch {
			case sample.Source == "server":
				kept[sample.Series]++
			case sample.Series == harness.SeriesNoValue:
				assert.Equal(t, "server", sample.Labels["of"])
				kept[sample.Labels[harness.LabelSeries]+" "+sample.Labels["engine"]+" "+sample.Labels[harness.LabelReading]]++
			case sample.Series == harness.SeriesMissing:
				missing = max(missing, sample.Value)
			}
		}
		assert.Equal(t, map[string]int{"vllm:num_requests_running": 10, "room_celsius": 10, "vllm:share 0 NaN": 10, "vllm:num_requests_running 1 -1": 10}, kept)
		assert.InDelta(t, 1, missing, 0, "the one that did not come")
		assert.Equal(t, map[string]string{"server": "http://host/metrics: 503"}, out.Unread)
		assert.Equal(t, []string{"1 readings of the server are missing: at 3.000 s: http://host/metrics: 503",
			"the server gave −1 for vllm:num_requests_running 10 times, which is no value: it was left out",
			"the server gave NaN for vllm:share 10 times, which is no value: it was left out"}, harness.WarningTexts(out.Warnings))
	})
}

// collected are values that another program collects every 20 seconds.
type collected struct{ began time.Time }

func (collected) String() string { return "server" }

func (collected) Read(context.Context) ([]harness.Reading, error) { return nil, errors.New("too old") }

func (c collected) ReadAtEnd(ctx context.Context) ([]harness.Reading, error) {
	const every = 20 * time.Second
	select {
	case <-time.After(every - time.Since(c.began)%every):
		return []harness.Reading{{Source: "server", Series: "v", Value: time.Since(c.began).Seconds()}}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (collected) EndWithin() time.Duration { return time.Minute }

// TestWatch_waitsForNewValuesAtBothEnds holds that the load begins after the first values, and that waiting for the
// last ones is no part of the run.
func TestWatch_waitsForNewValuesAtBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := collected{time.Now()}
		s := harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: 30 * time.Second}}
		out, err := harness.Runner{Client: answer{chunks: 1}, Samplers: []harness.Sampler{source}}.Run(t.Context(), s)
		require.NoError(t, err)
		assert.Equal(t, 20*time.Second, out.Start.Sub(source.began))
		var at, values []float64
		for sample := range out.Samples {
			if sample.Source == "server" {
				at, values = append(at, sample.At.Seconds()), append(values, sample.Value)
			}
			if sample.Series == harness.SeriesReading && sample.Labels["of"] == "server" {
				assert.Less(t, sample.Value, 1.0, "waiting is no reading that takes long")
			}
		}
		assert.Equal(t, []float64{0, out.Length.Seconds()}, at)
		assert.Equal(t, []float64{20, 60}, values)
		assert.InDelta(t, 30, out.Length.Seconds(), 1)
		require.Len(t, out.Warnings, 1)
		assert.Contains(t, out.Warnings[0].Text, "readings of the server are missing")
	})
}
