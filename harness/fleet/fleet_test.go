package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/fleet"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

const minute = time.Minute

// queues are engines with a queue each, to which requests go at random, one by one: what is slow for a limit of two
// seconds comes in bunches, where an engine happens to be busy.
func queues(rng *rand.Rand, service []float64, rate float64) *fleet.Contrast {
	c := fleet.NewContrast(0, minute)
	free := make([]float64, len(service))
	for at := 0.0; at < minute.Seconds(); at += rng.ExpFloat64() / rate {
		i := rng.IntN(len(service))
		free[i] = max(free[i], at) + rng.ExpFloat64()*service[i]
		c.Take(fmt.Sprint("engine ", i), time.Duration(at*float64(time.Second)), free[i]-at > 2)
	}
	return c
}

// TestContrast_likeEnginesAreNotNamed holds how often one of several engines that are alike is named, with queues that
// make the slow requests come in bunches. Near saturation one engine can happen to be busy for as long as the run is.
func TestContrast_likeEnginesAreNotNamed(t *testing.T) {
	const runs = 500
	for _, c := range []struct {
		engines int
		load    float64
		most    int
	}{{2, 0.5, runs / 100}, {4, 0.8, runs / 100}, {2, 0.9, runs / 25}, {8, 0.9, runs / 15}} {
		rng, named := rand.New(rand.NewPCG(1, uint64(c.engines))), 0
		service := make([]float64, c.engines)
		for i := range service {
			service[i] = 0.3
		}
		for range runs {
			if _, yes := queues(rng, service, c.load*float64(c.engines)/0.3).Slow(); yes {
				named++
			}
		}
		assert.LessOrEqual(t, named, c.most, "%d engines at a load of %g", c.engines, c.load)
	}
}

func TestContrast_namesTheSlowEngine(t *testing.T) {
	for name, service := range map[string][]float64{
		"of two":  {0.1, 1},
		"of four": {0.1, 1.2, 0.1, 0.1},
	} {
		rng, named := rand.New(rand.NewPCG(2, 2)), 0
		for range 20 {
			s, yes := queues(rng, service, 2*float64(len(service))).Slow()
			if !yes {
				continue
			}
			named++
			require.Equal(t, "engine 1", s.Name, name)
			assert.Greater(t, s.Slow, 0.9, name)
			assert.InDelta(t, 1/float64(len(service)), s.Requests, 0.15, name)
		}
		assert.GreaterOrEqual(t, named, 19, name)
	}
}

// TestContrast_saysNothing where there is too little to say.
func TestContrast_saysNothing(t *testing.T) {
	for name, fill := range map[string]func(*fleet.Contrast){
		"nothing": func(*fleet.Contrast) {},
		"one engine only": func(c *fleet.Contrast) {
			for i := range 100 {
				c.Take("a", time.Duration(i)*minute/100, i%2 == 0)
			}
		},
		"a single busy moment": func(c *fleet.Contrast) {
			for i := range 1000 {
				c.Take([]string{"a", "b"}[i%2], time.Duration(i)*minute/1000, i%2 == 0 && i >= 500 && i < 540)
			}
		},
		"a few slow ones": func(c *fleet.Contrast) {
			for i := range 1000 {
				c.Take([]string{"a", "b"}[i%2], time.Duration(i)*minute/1000, i%110 == 0)
			}
		},
		"a burst that made all slow": func(c *fleet.Contrast) {
			for i := range 1000 {
				c.Take([]string{"a", "b"}[i%2], time.Duration(i)*minute/1000, i >= 400 && i < 600)
			}
		},
		"a name for each request": func(c *fleet.Contrast) {
			for i := range 1000 {
				c.Take(fmt.Sprint(i), time.Duration(i)*minute/1000, i%2 == 0)
			}
		},
		"requests of no known engine": func(c *fleet.Contrast) {
			for i := range 1000 {
				c.Take([]string{"a", ""}[i%2], time.Duration(i)*minute/1000, i%2 == 0)
			}
		},
	} {
		c := fleet.NewContrast(0, minute)
		fill(c)
		s, yes := c.Slow()
		assert.False(t, yes, "%s: %+v", name, s)
	}
}

func TestRequests_areKeptByEngine(t *testing.T) {
	var q fleet.Requests
	assert.Nil(t, q.Engines())
	take := func(engine string, ttft time.Duration, failure harness.Failure) {
		r := harness.NewRecord(0, 0)
		r.Replica, r.Failure, r.Done = engine, failure, 2*ttft
		if failure == "" {
			r.Chunks = []time.Duration{ttft}
		}
		q.Take(&r)
	}
	take("", time.Second, "")
	assert.Nil(t, q.Engines(), "no engine was named")
	for range 3 {
		take("b", 3*time.Second, "")
	}
	take("a", time.Second, "")
	take("a", time.Second, harness.Refused)
	all := q.Engines()
	require.Len(t, all, 3)
	assert.Equal(t, []string{"a", "b", ""}, []string{all[0].Name, all[1].Name, all[2].Name})
	assert.Equal(t, [2]int{2, 1}, [2]int{all[0].Requests, all[0].Failed})
	assert.Equal(t, 1.0, all[0].TTFT.Quantile(.5, 0))
	assert.Equal(t, 6.0, all[1].E2E.Quantile(.95, 0))
	for i := range 2 * fleet.Most {
		take(fmt.Sprint(i), time.Second, "")
	}
	assert.LessOrEqual(t, len(q.Engines()), fleet.Most+1)
	assert.True(t, q.TooMany())
}

func TestPages_areKeptByEngine(t *testing.T) {
	var p fleet.Pages
	take := func(at int, replica, series string, value float64) {
		p.Take(harness.Sample{At: time.Duration(at) * time.Second, Reading: harness.Reading{Source: "server", Series: series, Labels: map[string]string{"replica": replica}, Value: value}})
	}
	for at := range 3 {
		take(at, "http://10.0.0.7:8000", vllm.NumRequestsRunning, float64(at))
		take(at, "http://10.0.0.7:8000", vllm.NumRequestsWaiting, float64(10*at)) // two ranks of it
		take(at, "http://10.0.0.7:8000", vllm.NumRequestsWaiting, float64(10*at))
		take(at, "http://10.0.0.8:8000", vllm.NumRequestsWaiting, 1)
		take(at, "http://10.0.0.8:8000", vllm.KVCacheUsage, 0.5)
	}
	p.Take(harness.Sample{Reading: harness.Reading{Source: "server", Series: vllm.NumRequestsWaiting, Value: 99}})
	slow, known := p.Of("10.0.0.7:8000")
	require.True(t, known)
	assert.Equal(t, fleet.Gauges{Running: 1, WaitingMost: 40, Readings: 3}, slow)
	others, known := p.Others("10.0.0.7:8000")
	require.True(t, known)
	assert.Equal(t, fleet.Gauges{WaitingMost: 1, CacheMost: 0.5, Readings: 3}, others)
	_, known = p.Of("10.0.0.9:8000")
	assert.False(t, known)
}
