// Package calibration holds the harness's verdicts against a server whose truth is known: the mock,
// replayed at full speed. It prints how often intervals contain the true value, and how often a
// verdict is wrong.
package calibration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A part of the calibration; a short one takes some seconds.
type part struct {
	name string
	run  func(ctx context.Context, w io.Writer, short bool) error
}

func parts() []part {
	return []part{
		{"coverage", coverage},
		{"capacity", capacity},
		{"regression", regression},
	}
}

// Run carries out those parts of the calibration that the arguments name, or all; before them may
// stand: short. It is an error where one does not show what it must.
func Run(ctx context.Context, arguments []string, stdout io.Writer) error {
	if err := Check(arguments); err != nil {
		return err
	}
	arguments, short := named(arguments)
	for _, p := range parts() {
		if len(arguments) > 0 && !slices.Contains(arguments, p.name) {
			continue
		}
		if err := p.run(ctx, stdout, short); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// Check is the error of arguments that name no part of the calibration.
func Check(arguments []string) error {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	arguments, _ = named(arguments)
	for _, asked := range arguments {
		if !slices.Contains(names, asked) {
			return fmt.Errorf("there is no calibration %q%s (before them may stand: short)", asked, spelling.DidYouMean(asked, names))
		}
	}
	return nil
}

// named are the parts that arguments name, and whether they are to be short.
func named(arguments []string) (names []string, short bool) {
	if len(arguments) > 0 && arguments[0] == "short" {
		return arguments[1:], true
	}
	return arguments, false
}

// inParallel does n things on all cores, and what they return one after the other.
func inParallel(ctx context.Context, n int, do func(i int) (func(), error)) error {
	next := make(chan int)
	var group sync.WaitGroup
	var lock sync.Mutex
	var failures []error
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := range next {
				then, err := do(i)
				lock.Lock()
				if err != nil {
					failures = append(failures, err)
				} else {
					then()
				}
				lock.Unlock()
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	group.Wait()
	return errors.Join(append(failures, context.Cause(ctx))...)
}
