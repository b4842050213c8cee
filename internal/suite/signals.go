package suite

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/reports/ci"
)

// exitsAfter is how long after a signal the process ends at the latest, whatever it is doing.
// What was measured then lies in the folder of its run, which can be salvaged.
const exitsAfter = 4 * time.Second

// together is how soon after the first another signal is part of the same: systems that end a session
// send SIGTERM and SIGHUP at once.
const together = 200 * time.Millisecond

// watchesParentEvery is how often is looked whether go test is still there.
const watchesParentEvery = 100 * time.Millisecond

// Watch sets the interrupt on the first signal that asks a program to end, or when the go test that
// started this process is killed, by which CI systems end their jobs. A second signal ends the
// process at once. So does time, if what is to be done has not been done 4 seconds later. The
// function that it returns ends the watch.
func (i *Interrupt) Watch(output io.Writer) (stop func()) {
	signals, ended := make(chan os.Signal, 8), make(chan struct{})
	signal.Notify(signals, ending()...)
	// The reader of our output may be gone; what was measured is to be stored all the same.
	unread := make(chan os.Signal, 1)
	signal.Notify(unread, syscall.SIGPIPE)
	go i.follow(signals, parentGone(ended), ended, output)
	return func() {
		signal.Stop(signals)
		signal.Stop(unread)
		close(ended)
	}
}

// ending are the signals that ask a program to end. One that nohup has ignored stays so.
func ending() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

func (i *Interrupt) follow(signals <-chan os.Signal, orphaned, ended <-chan struct{}, output io.Writer) {
	var late <-chan time.Time
	set := func(by harness.Interruption) {
		i.Set(by)
		if late == nil {
			late = time.After(exitsAfter)
		}
	}
	signaled, first := false, time.Time{}
	for {
		select {
		case <-ended:
			return
		case s := <-signals:
			if signaled && time.Since(first) < together {
				continue
			}
			if signaled {
				os.Exit(exitCode(s))
			}
			signaled, first = true, time.Now()
			set(signalName(s))
		case <-orphaned:
			orphaned = nil
			set(byParent)
		case <-late:
			by, _ := i.By()
			go fmt.Fprintf(output, "\n%v, and not done in time: what was measured is in the folder .run=… of the output folder; go run %s makes a run of it\n", by, salvager)
			time.Sleep(100 * time.Millisecond) // time for it to be written
			os.Exit(1)
		}
	}
}

// salvager is the program that makes a run of what was left, with the folder that it is given.
const salvager = "github.com/vllmspec/vllmspec/cmd/vllmspec report <folder>"

// signalName is a signal as people know it.
func signalName(s os.Signal) harness.Interruption {
	switch s {
	case os.Interrupt:
		return "Ctrl-C (SIGINT)"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGHUP:
		return "SIGHUP"
	}
	return harness.Interruption(s.String())
}

// exitCode is what shells give for a program that a signal ended.
func exitCode(s os.Signal) int {
	const bySignal = 128
	if number, ok := s.(syscall.Signal); ok {
		return bySignal + int(number)
	}
	return 1
}

// parentGone is closed when the go test that started this process has ended, which it does not
// while its tests run unless it is killed. Another parent, a shell say, may end and leave us to run.
func parentGone(ended <-chan struct{}) <-chan struct{} {
	executable, _ := os.Executable()
	parent := os.Getppid()
	if ci.BuildFolder(executable) == "" || parent <= 1 {
		return nil
	}
	gone := make(chan struct{})
	go func() {
		ticker := time.NewTicker(watchesParentEvery)
		defer ticker.Stop()
		for os.Getppid() == parent {
			select {
			case <-ended:
				return
			case <-ticker.C:
			}
		}
		close(gone)
	}()
	return gone
}
