package suite

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/reports"
)

// enterMost is how long a history that several machines share is waited for.
const enterMost = 20 * time.Second

// enterRuns enters the stored runs in the history that the environment names, and says what is wrong with it, or
// with the index of the folder. Nothing of this changes what became of a run: it is stored, and is entered later. It ends with
// the context, which is before the process is killed.
func enterRuns(until context.Context, env *environment.Environment, ofFolder error, say func(line string)) {
	if ofFolder != nil {
		say("the list of runs is that of the newest: " + ofFolder.Error())
	}
	if env.History == "" {
		return
	}
	if err := history.Enter(until, env.History, runsOf(env.Out), enterMost); err != nil {
		say("the runs are stored, and not all of them are in the history: " + err.Error())
	}
}

func runsOf(out string) history.Folder { return history.Folder{Path: out, Read: reports.ReadRun} }

// A historian finds stored runs, also for a scenario in virtual time: its goroutine is outside of any bubble.
type historian struct {
	address, out string
	asked        chan history.Query
	ended        chan struct{}
	answers      chan found
	once         sync.Once
}

type found struct {
	runs []*history.Run
	err  error
}

func newHistorian(address, out string) *historian {
	h := &historian{address: address, out: out, asked: make(chan history.Query), ended: make(chan struct{}), answers: make(chan found)}
	go func() {
		for {
			select {
			case q := <-h.asked:
				h.answers <- h.find(q)
			case <-h.ended:
				return
			}
		}
	}()
	return h
}

// ask is what the history has of a query: that of the environment, or else of the folder.
func (h *historian) ask(q history.Query) ([]*history.Run, error) {
	select {
	case h.asked <- q:
		of := <-h.answers
		return of.runs, of.err
	case <-h.ended:
		return nil, errors.New("the tests have ended")
	}
}

func (h *historian) find(q history.Query) (of found) {
	ctx, stop := context.WithTimeout(context.Background(), enterMost)
	defer stop()
	_, of.err = history.In(ctx, h.address, runsOf(h.out), enterMost/2, func(in history.History) (err error) {
		of.runs, err = in.Runs(ctx, q)
		return err
	})
	return of
}

func (h *historian) stop() { h.once.Do(func() { close(h.ended) }) }
