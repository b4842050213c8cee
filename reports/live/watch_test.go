package live

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// looker keeps what it is shown.
type looker struct {
	wants atomic.Int32 // an Attention
	mu    sync.Mutex
	all   []reports.View
	block chan struct{} // nil: it has time
}

// looking is one that wants so much.
func looking(wants Attention) *looker {
	l := new(looker)
	l.wants.Store(int32(wants))
	return l
}

func (l *looker) Wants(reports.Progress) Attention { return Attention(l.wants.Load()) }
func (l *looker) Show(v reports.View) {
	l.mu.Lock()
	l.all = append(l.all, v)
	n := len(l.all)
	l.mu.Unlock()
	if l.block != nil && n > 1 {
		<-l.block
	}
}

func (l *looker) views() []reports.View {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

func answered(seq int, due, ttft time.Duration) harness.Record {
	r := harness.NewRecord(seq, due)
	r.Sent, r.Done, r.Finish = due, due+ttft+10*time.Millisecond, "stop"
	r.Chunks, r.OutputTokens, r.Good = []time.Duration{due + ttft, r.Done}, 2, true
	return r
}

func scenario(t *testing.T) harness.Scenario {
	t.Helper()
	o, err := slo.Parse("p50 TTFT", "at most 100 ms")
	require.NoError(t, err)
	return harness.Scenario{Name: "Seen", Load: harness.Closed{Users: 1, For: 10 * time.Second}, Objectives: []harness.Objective{o}}
}

func TestWatch_objectivesTurnAsEvidenceComesIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		eye := looking(Page)
		w := NewWatch(scenario(t), store.Manifest{}, eye)
		w.Sample(harness.Sample{Reading: harness.Reading{Source: "client", Series: harness.SeriesInFlight}})
		for i := range 55 { // ten a second: first quick ones, then slow ones
			time.Sleep(100 * time.Millisecond)
			ttft := 20 * time.Millisecond
			if i >= 15 {
				ttft = time.Second
			}
			w.Record(answered(i, time.Duration(i)*100*time.Millisecond, ttft))
		}
		require.NoError(t, w.Close())
		require.GreaterOrEqual(t, len(eye.views()), 5)
		first, last := eye.views()[1], eye.views()[len(eye.views())-1]
		assert.Equal(t, "not yet known", first.Objectives[0].Says, "after a few requests")
		assert.Equal(t, "missed so far", last.Objectives[0].Says)
		assert.Equal(t, 1, last.Running.Missed)
		assert.Regexp(t, `^5 s of 10 s, \d s left$`, last.Running.Says())
		assert.Contains(t, last.Headline, "1 of 1 objectives missed so far")
	})
}

// TestWatch_viewersHoldNothingUp has an observer that does not come back.
func TestWatch_viewersHoldNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		eye := looking(Page)
		eye.block = make(chan struct{})
		w := NewWatch(scenario(t), store.Manifest{}, eye)
		time.Sleep(time.Second) // it looks on now, and never comes back
		began := time.Now()
		for i := range waiting + 500 {
			w.Record(answered(i, time.Duration(i), time.Millisecond))
		}
		assert.Zero(t, time.Since(began))
		close(eye.block)
		time.Sleep(2 * longest)
		require.NoError(t, w.Close())
		last := eye.views()[len(eye.views())-1]
		assert.Equal(t, waiting, last.Running.Due)
		assert.Equal(t, 500, last.Running.Omitted)
	})
}

// TestWatch_makesNothingWithoutViewers has an observer who comes late, and sees it all soon.
func TestWatch_makesNothingWithoutViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		eye := new(looker)
		w := NewWatch(scenario(t), store.Manifest{}, eye)
		for i := range 300 {
			w.Record(answered(i, time.Duration(i)*100*time.Millisecond, time.Millisecond))
			time.Sleep(100 * time.Millisecond)
		}
		assert.Len(t, eye.views(), 1, "that of the beginning")
		eye.wants.Store(int32(Page))
		time.Sleep(look)
		synctest.Wait()
		require.Len(t, eye.views(), 2)
		assert.InDelta(t, 300, eye.views()[1].Running.Due, 3)
		time.Sleep(10 * time.Second)
		require.NoError(t, w.Close())
		assert.Len(t, eye.views(), 12, "one a second")
	})
}

// TestWatch_makesOneViewForAll has two who look at the page and one who reads the line, which
// says the same.
func TestWatch_makesOneViewForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page, other, line := looking(Page), looking(Page), looking(Line)
		w := NewWatch(scenario(t), store.Manifest{}, page, other, line)
		for i := range 100 {
			w.Record(answered(i, time.Duration(i)*time.Millisecond, time.Duration(i)*time.Millisecond))
		}
		time.Sleep(look)
		synctest.Wait()
		require.Len(t, line.views(), 2)
		assert.Equal(t, page.views()[1], line.views()[1])
		assert.Equal(t, page.views()[1], other.views()[1])
		page.wants.Store(int32(Nothing))
		other.wants.Store(int32(Nothing))
		time.Sleep(interval)
		require.NoError(t, w.Close())
		require.Len(t, line.views(), 3)
		assert.Len(t, page.views(), 2)
		assert.Empty(t, line.views()[2].Objectives, "a line needs no page")
		before, after := line.views()[1], line.views()[2]
		assert.Equal(t, tail(before), tail(after))
		assert.Equal(t, standing(before.Running), standing(after.Running))
		assert.Equal(t, before.Title, after.Title)
		assert.Contains(t, says(line.views()[2]), "objectives: 0 missed, 0 met, 1 not yet known; 1 s of 10 s, 9 s left; 100 ended, 0 failed, p99 TTFT 98 ms")
	})
}

// BenchmarkLine is what a person at a terminal costs, as late in a run as [BenchmarkView].
func BenchmarkLine(b *testing.B) {
	w, more := late(b)
	defer w.Close()
	for b.Loop() {
		b.StopTimer()
		now := more(2000)
		b.StartTimer()
		w.line(now, w.progress(now))
	}
}

// BenchmarkView is what a view costs late in a long run: two minutes of 2,000 requests
// per second with 32 chunks each.
func BenchmarkView(b *testing.B) {
	w, more := late(b)
	defer w.Close()
	var size int
	for b.Loop() {
		b.StopTimer()
		now := more(2000)
		b.StartTimer()
		frame, err := reports.Frame(w.view(now, w.progress(now)), reports.Link{Events: "/events"})
		require.NoError(b, err)
		size = len(frame)
	}
	b.ReportMetric(float64(size), "bytes/frame")
	began := time.Now()
	more(20_000)
	b.ReportMetric(float64(time.Since(began).Nanoseconds())/20_000, "ns/request")
}

// BenchmarkHandingOver is what a request costs the run itself.
func BenchmarkHandingOver(b *testing.B) {
	w := NewWatch(harness.Scenario{Load: harness.Closed{Users: 1, For: time.Hour}}, store.Manifest{})
	w.Close() // so that nobody looks but us
	r := answered(1, time.Second, time.Second)
	for i := 0; b.Loop(); i++ {
		if r.Seq = i; i%1000 == 0 {
			b.StopTimer()
			w.takeAll()
			b.StartTimer()
		}
		w.Record(r)
	}
	require.Zero(b, w.omitted)
}

// late is a watch that has come far, and what brings it on by so many requests.
func late(b *testing.B) (w *Watch, more func(count int) (now time.Duration)) {
	s := harness.Scenario{Name: "Long", Load: harness.Closed{Users: 1, For: 10 * time.Minute}}
	for _, row := range [][2]string{{"p99 TTFT", "at most 100 ms"}, {"p95 ITL", "at most 40 ms"}, {"error rate", "at most 1%"}} {
		o, err := slo.Parse(row[0], row[1])
		require.NoError(b, err)
		s.Objectives = append(s.Objectives, o)
	}
	w = NewWatch(s, store.Manifest{})
	next, draws := 0, rand.New(rand.NewPCG(1, 1))
	more = func(count int) time.Duration {
		for range count {
			r := answered(next, time.Duration(next)*time.Millisecond/2, 20*time.Millisecond+time.Duration(draws.ExpFloat64()*float64(10*time.Millisecond)))
			r.Chunks = r.Chunks[:1]
			for k := range 31 {
				r.Chunks = append(r.Chunks, r.Chunks[0]+time.Duration(k*7)*time.Millisecond+time.Duration(draws.IntN(5e6)))
			}
			w.take(&r)
			next++
		}
		return time.Duration(next) * time.Millisecond / 2
	}
	more(240_000)
	w.view(2*time.Minute, w.progress(2*time.Minute)) // the first is a dear one
	return w, more
}

// TestWatch_clockIsThatOfTheReadings has a run that begins some time after who looks on:
// what is left of a second must not make a rate.
func TestWatch_clockIsThatOfTheReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		eye := looking(Page)
		w := NewWatch(scenario(t), store.Manifest{}, eye)
		time.Sleep(700 * time.Millisecond)
		start := time.Now()
		for i := range 450 { // a hundred a second
			if i%100 == 0 {
				w.Sample(harness.Sample{At: time.Since(start), Reading: harness.Reading{Source: "client", Series: harness.SeriesInFlight}})
			}
			w.Record(answered(i, time.Since(start), time.Millisecond))
			time.Sleep(10 * time.Millisecond)
		}
		require.NoError(t, w.Close())
		views := eye.views()[1:]
		require.GreaterOrEqual(t, len(views), 4)
		for _, v := range views {
			assert.Less(t, v.Running.Now, 4500*time.Millisecond)
			if v.Running.Now <= 0 {
				continue
			}
			for _, f := range v.Figures {
				if f.Name == "request rate" {
					rate, err := strconv.ParseFloat(strings.Fields(f.Values[0].Value)[0], 64)
					require.NoError(t, err, f.Values[0].Value)
					assert.InDelta(t, 100, rate, 5, "after %s", v.Running.Now)
				}
			}
		}
	})
}
