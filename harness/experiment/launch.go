package experiment

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/internal/disk"
)

// launched is the server that serves all experiments of a session.
type launched struct {
	server  *server.Server // nil until an experiment needs it
	failed  error          // why it could not be started
	logged  int64          // how much of its log is kept with a run
	logKept bool           // some run has its part of it
	watched func()         // ends the watch over it
	lock    *disk.Lock     // on its log
}

// launch starts the server; the first experiment that needs it does. One that could not be started
// is not tried again.
func (s *Session) launch(ctx context.Context) (*server.Server, error) {
	l := &s.launched
	if l.server != nil || l.failed != nil {
		return l.server, l.failed
	}
	launch := *s.Place.Launch
	launch.Log = s.logFile()
	lock, err := server.LockLog(s.Disk, launch.Log)
	if err != nil {
		return nil, fmt.Errorf("results cannot be written to %s%s: %w", s.Out, clause(s.Remedies.Out), err)
	}
	l.lock = lock
	launch.Redact = s.redact
	started, err := server.Start(ctx, launch)
	switch {
	case err == nil:
		l.server, l.watched = started, s.endInTime(started)
	case ctx.Err() == nil: // else it was not the server's fault
		l.failed = err
	}
	return started, err
}

// logFile is the file of what the server writes. Each run gets its part of it; it stays where it is
// only if none did.
func (s *Session) logFile() string { return server.LogFile(s.Out, s.start(true)) }

// Close stops the server that was started for the experiments of the session.
func (s *Session) Close() {
	if s.launched.server != nil {
		s.stopServer()
	}
	s.launched.lock.Release()
	s.launched.server, s.launched.lock = nil, nil
}

// stopsWithin is how much of the time for storing a server may take to end where the end of the
// process is near.
const stopsWithin = storing / 3

// stopServer stops the server that was started, in little time where everything was interrupted.
func (s *Session) stopServer() {
	l := &s.launched
	defer l.watched()
	ctx := context.Background()
	if !s.Deadline.IsZero() {
		early, cancel := context.WithDeadline(ctx, s.Deadline.Add(-storing+stopsWithin))
		defer cancel()
		ctx = early
	}
	if _, interrupted := s.Interrupted(); interrupted {
		hurried, cancel := context.WithTimeout(ctx, endsServerFor)
		defer cancel()
		ctx = hurried
	}
	unkept := l.server.Ended() != nil && l.server.LogSize() != l.logged // why it ended between two runs
	l.server.Stop(ctx)
	if l.logKept && !unkept {
		_ = os.Remove(s.logFile()) // what is left there after all runs belongs to none
	}
}

// How soon after an interrupt a server that we started is asked to end, and how long it may take
// until it is ended. Before, the run takes what the server's metrics say at its end.
const (
	endsServerAfter = 1200 * time.Millisecond
	endsServerFor   = time.Second
	looksEvery      = 50 * time.Millisecond
)

// endInTime stops a server when everything is interrupted, whatever else goes on or hangs. The
// function that it returns ends the watch.
func (s *Session) endInTime(started *server.Server) (watched func()) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		for _, interrupted := s.Interrupted(); !interrupted; _, interrupted = s.Interrupted() {
			if !pause(ctx, looksEvery) {
				return
			}
		}
		if pause(ctx, endsServerAfter) {
			hurried, done := context.WithTimeout(context.WithoutCancel(ctx), endsServerFor)
			defer done()
			started.Stop(hurried)
		}
	}()
	return cancel
}

// pause waits, and reports false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
