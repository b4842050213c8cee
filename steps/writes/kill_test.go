package writes_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// The loads that are killed, live, and about how long each takes.
func killed() []struct {
	name, text string
	takes      time.Duration
} {
	open := strings.NewReplacer("at 20 per second", "at 60 per second", "20 requests", "2 seconds").Replace(virtual)
	search := strings.NewReplacer("evenly at 60 per second", "evenly", "    When the load runs for 2 seconds\n    Then these objectives are met:\n      | error rate | none |\n",
		"    And each run lasts 1 second\n    When the highest request rate between 20 and 60 per second is sought that meets:\n      | error rate | none |\n    Then that rate is at least 1 per second\n").Replace(open)
	return []struct {
		name, text string
		takes      time.Duration
	}{
		{"an open loop", open, 2200 * time.Millisecond},
		{"repeats", strings.NewReplacer("    When", "    And everything is repeated 3 times\n    When", "2 seconds", "1 second").Replace(open), 3500 * time.Millisecond},
		{"a search", search, 2500 * time.Millisecond},
	}
}

// A watched mock remembers when each answer of a load had been given.
type watched struct {
	mu    sync.Mutex
	ended map[string]time.Time
	url   string
	still time.Duration // the longest that this process had to wait for a processor
}

// pulse is how often it looks.
const pulse = 10 * time.Millisecond

// stood is how long the machine stood still for us: a process to be killed, which stands as long, keeps what it
// gets so much later.
func (w *watched) stood() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.still
}

// beat measures that until the test ends.
func (w *watched) beat(t *testing.T) {
	ticker, last := time.NewTicker(pulse), time.Now()
	t.Cleanup(ticker.Stop)
	go func() {
		for {
			select {
			case <-t.Context().Done():
				return
			case <-ticker.C:
				w.mu.Lock()
				w.still = max(w.still, time.Since(last)-pulse)
				w.mu.Unlock()
				last = time.Now()
			}
		}
	}()
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{ended: map[string]time.Time{}}
	mock, err := server.Mock(mockvllm.Config{Profile: mockvllm.Profiles()[0], Truth: func(tr mockvllm.Truth) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if tr.Whole && len(tr.Tokens) == 4 { // of the load: what is asked beforehand has one token
			w.ended[tr.ID] = tr.Ended
		}
	}})
	require.NoError(t, err)
	t.Cleanup(mock.Close)
	w.url = mock.URL
	w.beat(t)
	return w
}

// before are the answers that had been given by then.
func (w *watched) before(then time.Time) (ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, ended := range w.ended {
		if ended.Before(then) {
			ids = append(ids, id)
		}
	}
	return ids
}

// A tally is what came of kills.
type tally struct {
	mu                                   sync.Mutex
	alive, salvaged, answers, lastMoment int
}

// holds looks at what a killed process left: all that was answered a second before is there.
func (c *tally) holds(t *testing.T, w *watched, root string, at time.Time, alive bool, says string) {
	t.Helper()
	out := filepath.Join(root, "reports", "out")
	isWhole(t, out, says)
	salvaged := areRuns(t, out, says)
	ids := answeredIn(t, out)
	older := w.before(at.Add(-time.Second - 3*w.stood()))
	for _, id := range older {
		require.True(t, ids[id], "%s: an answer is lost that is older than a second", says)
	}
	left, err := filepath.Glob(filepath.Join(root, "tmp", "*"))
	require.NoError(t, err)
	require.Empty(t, left, "%s: a temporary folder", says)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.salvaged, c.answers = c.salvaged+salvaged, c.answers+len(older)
	if alive {
		c.alive++
	}
	c.lastMoment += len(slices.DeleteFunc(w.before(at), func(id string) bool { return ids[id] }))
}

// inParallel does something n times, a few at a time: the processes mostly wait.
func inParallel(t *testing.T, n int, do func(t *testing.T, i int)) {
	t.Helper()
	const atOnce = 3
	t.Run("all", func(t *testing.T) {
		places := make(chan bool, atOnce)
		for i := range n {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				places <- true
				defer func() { <-places }()
				do(t, i)
			})
		}
	})
}

// rooted is a folder with a feature and one for temporary files, with a comma in its name.
func rooted(t *testing.T, text string) (root string, variables []string) {
	t.Helper()
	root = t.TempDir()
	put(t, root, text)
	for _, folder := range []string{filepath.Join("tmp", "a,b"), filepath.Join("reports", "out")} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, folder), 0o755))
	}
	return root, []string{"TMPDIR=" + filepath.Join(root, "tmp", "a,b")}
}

// TestKills_atRandomMoments is kill -9 at a random moment of one run, of repeats and of a search.
func TestKills_atRandomMoments(t *testing.T) {
	all := new(tally)
	inParallel(t, *kills, func(t *testing.T, i int) {
		random := rand.New(rand.NewPCG(*seed, uint64(i)))
		load := killed()[i%len(killed())]
		w := newWatched(t)
		root, variables := rooted(t, load.text)
		c, _ := started(t, root, -1, append(variables, "VLLM_URL="+w.url)...)
		ended := make(chan bool)
		go func() { _ = c.Wait(); close(ended) }()
		moment := 200*time.Millisecond + time.Duration(random.Int64N(int64(load.takes)))
		alive, at := true, time.Time{}
		select {
		case <-time.After(moment):
			at = time.Now()
			_ = c.Process.Kill()
			<-ended
		case <-ended:
			alive, at = false, time.Now()
		}
		require.NoError(t, os.Remove(filepath.Join(root, "tmp", "a,b")), "nothing is left in it")
		all.holds(t, w, root, at, alive, fmt.Sprintf("%s, killed after %v", load.name, moment))
		cleaned(t, root)
	})
	t.Logf("%d kills, %d of a living process: %d folders salvaged, of %d answers older than a second none is lost; %d of the last second",
		*kills, all.alive, all.salvaged, all.answers, all.lastMoment)
	assert.Positive(t, all.alive)
}

// TestKills_inOperations is a process that kills itself in the middle of a write, a rename, a sync and so on.
func TestKills_inOperations(t *testing.T) {
	short := strings.Replace(killed()[0].text, "2 seconds", "1 second", 1)
	root, variables := rooted(t, short)
	w := newWatched(t)
	c, output := started(t, root, -1, append(variables, "VLLM_URL="+w.url)...)
	require.NoError(t, c.Wait(), output)
	var operations int
	_, err := fmt.Sscanf(output.String()[strings.LastIndex(output.String(), "operations "):], "operations %d", &operations)
	require.NoError(t, err)
	require.Greater(t, operations, 60)
	all := new(tally)
	inParallel(t, *opKills, func(t *testing.T, i int) {
		kill := i * (operations - 5) / *opKills // how many writes there are depends on the machine, a little
		w := newWatched(t)
		root, variables := rooted(t, short)
		c, output := started(t, root, kill, append(variables, "VLLM_URL="+w.url)...)
		require.ErrorContains(t, c.Wait(), "signal: killed", output)
		var nanoseconds int64
		_, err := fmt.Sscanf(output.String()[strings.LastIndex(output.String(), killedAt):], killedAt+" %d", &nanoseconds)
		require.NoError(t, err)
		at := time.Unix(0, nanoseconds)
		require.NoError(t, os.Remove(filepath.Join(root, "tmp", "a,b")), "nothing is left in it")
		all.holds(t, w, root, at, true, fmt.Sprintf("killed in operation %d of %d", kill, operations))
		cleaned(t, root)
	})
	t.Logf("%d kills in %d operations: %d folders salvaged, of %d answers older than a second none is lost", *opKills, operations, all.salvaged, all.answers)
	assert.Positive(t, all.salvaged)
}

// cleaned holds that the next go test leaves nothing of what killed ones left beside the runs.
func cleaned(t *testing.T, root string) {
	t.Helper()
	put(t, root, "Feature: X\n  Scenario: One\n    Given what there is no sentence for\n") // it ends before a load
	c, output := started(t, root, -1)
	require.Error(t, c.Wait(), output)
	for _, pattern := range []string{".part-*", ".running-*", ".cucumber-*", ".run=*"} {
		left, err := filepath.Glob(filepath.Join(root, "reports", "out", pattern))
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}
