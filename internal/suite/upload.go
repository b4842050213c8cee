package suite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/vllmspec/vllmspec/internal/bucket"
	"github.com/vllmspec/vllmspec/internal/environment"
)

// An uploader sends the runs of this go test to a bucket, where the environment names one. It does so when all loads are over, so
// that it takes nothing from one. What cannot be sent is kept here, and goes with the next go test: nothing that
// keeps it from being sent changes what was measured.
type uploader struct {
	env       *environment.Environment
	interrupt *Interrupt
	began     time.Time // when the tests began: no run of theirs is earlier
	deadline  time.Time // when the process is killed; zero: never
	say       func(line string)

	to   *bucket.Bucket // nil: the environment names none
	owed bucket.Owed
}

// How long all of it may take where go test has no deadline, and how much of that is left to others.
const (
	uploadMost = 15 * time.Minute
	uploadLeft = 10 * time.Second
)

// begin finds the bucket. A store that says no is an error, before anything is measured.
func (u *uploader) begin() (err error) {
	if u.env.Bucket == nil {
		return nil
	}
	if u.to, err = bucket.Open(*u.env.Bucket, u.env.Store); err == nil {
		until, cancel := u.untilInterrupted()
		defer cancel()
		err = u.to.Check(until)
	}
	if err != nil {
		u.to = nil
		return fmt.Errorf("VLLMSPEC_OUT=%v: %w", u.env.Bucket, err)
	}
	u.owed = bucket.Owed{Disk: u.env.Disk, Folder: u.env.Out, To: u.to.Address}
	return u.owed.Begin(u.began)
}

// send sends what is new, and what could not be sent before.
func (u *uploader) send() {
	if u.to == nil {
		return
	}
	defer u.to.Close()
	since := u.owed.Since()
	runs, err := u.owed.Runs(since)
	left, why := u.sendAll(runs)
	if err = errors.Join(why, err); err == nil {
		err = u.owed.Settle(since)
	}
	switch {
	case err != nil:
		u.say(fmt.Sprintf("warning: %d of %s not sent to %v: %v. They are kept in %s, and go with the next tests that have this VLLMSPEC_OUT, or by vllmspec upload", left, wereRuns(len(runs)), u.to, err, u.env.Out))
	case len(runs) > left:
		u.say(fmt.Sprintf("%s sent to %v", wereRuns(len(runs)-left), u.to))
	}
}

// sendAll sends runs, and returns how many did not go, and why those did not that may go later. After a store that does not
// answer no other run is tried.
func (u *uploader) sendAll(runs bucket.Runs) (left int, why error) {
	until, cancel := u.untilInterrupted()
	defer cancel()
	for i, run := range runs {
		err := context.Cause(until)
		if err != nil {
			return left + len(runs) - i, err
		}
		_, err = u.to.Send(until, filepath.Join(u.env.Out, run))
		switch {
		case errors.Is(err, bucket.ErrTaken):
			left++
			u.say(fmt.Sprintf("warning: %v: %v", u.to, err))
		case bucket.IsAway(err):
			return left + len(runs) - i, err
		case err != nil:
			left, why = left+1, err
		}
	}
	return left, why
}

// wereRuns is "1 run was", "3 runs were".
func wereRuns(n int) string {
	if n == 1 {
		return "1 run was"
	}
	return fmt.Sprintf("%d runs were", n)
}

// untilDeadline ends some time before the process is killed.
func (u *uploader) untilDeadline() (context.Context, func()) {
	limit := time.Now().Add(uploadMost)
	if !u.deadline.IsZero() {
		limit = u.deadline.Add(-uploadLeft)
	}
	return context.WithDeadlineCause(context.Background(), limit, errors.New("the time for it was over"))
}

// untilInterrupted ends when the tests are interrupted.
func (u *uploader) untilInterrupted() (context.Context, func()) {
	timed, stop := u.untilDeadline()
	until, cancel := context.WithCancelCause(timed)
	over := make(chan struct{})
	go func() {
		look := time.NewTicker(100 * time.Millisecond)
		defer look.Stop()
		for {
			if by, interrupted := u.interrupt.By(); interrupted {
				cancel(interruptedBy(by))
				return
			}
			select {
			case <-over:
				return
			case <-look.C:
			}
		}
	}()
	return until, func() {
		close(over)
		cancel(nil)
		stop()
	}
}
