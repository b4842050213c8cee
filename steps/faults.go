package steps

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/mockvllm"
)

func (w *world) registerFaults(sc sentences) {
	sc.Step(`^it freezes for (.+) after (.+)$`, w.freezes)
	sc.Step(`^it refuses (.+)$`, w.refuses)
	sc.Step(`^it cuts (.+) short$`, w.cutsShort)
	sc.Step(`^it answers (.+) with status (\d+)$`, w.answersWithStatus)
	sc.Step(`^it breaks off (.+) with an error$`, w.breaksOff)
	sc.Step(`^it stalls (.+) for (.+)$`, w.stalls)
	sc.Step(`^its steps take (\S+) times as long after (.+)$`, w.slowsDown)
	sc.Step(`^its cache shrinks to (\S+) blocks after (.+)$`, w.shrinks)
	sc.Step(`^it has no prefix cache$`, w.hasNoPrefixCache)
	sc.Step(`^it leaves (.+) out of its counters$`, w.leavesOut)
	sc.Step(`^it counts (.+) twice$`, w.countsTwice)
	sc.Step(`^the usage of (.+) tells (\S+) times as many tokens$`, w.usageIsWrong)
	sc.Step(`^the network to it takes (.+) each way$`, w.networkTakes)
	sc.Step(`^it tells the timings of each request$`, w.tellsTimings)
	sc.Step(`^it has the fault "([^"]*)"$`, w.hasFault)
	sc.Step(`^our client is held up for (.+) after (.+)$`, w.clientIsHeldUp)
}

func (w *world) fault(f mockvllm.Fault) error {
	if err := w.onlySimulated(); err != nil {
		return err
	}
	w.target.faults = append(w.target.faults, f)
	return nil
}

// hits is a fault of some requests, which a phrase names: "5% of requests",
// "the first 20 requests", "every 10th request".
func (w *world) hits(which string, f mockvllm.Fault) error {
	number := regexp.MustCompile(`^(?:(\S+%) of|the first (\S+)|every (\S+)(?:st|nd|rd|th)) (?:requests?|answers?)$`).FindStringSubmatch(strings.TrimSpace(which))
	var err error
	switch {
	case number == nil:
		return fmt.Errorf(`%q does not say which requests; write "5%% of requests", "the first 20 requests" or "every 10th request"`, which)
	case number[1] != "":
		f.Share, err = share(number[1])
		if err == nil && f.Share == 0 {
			return nil // nobody
		}
	case number[2] != "":
		f.First, err = count(number[2], "requests", 1)
	default:
		f.Every, err = count(number[3], "requests", 1)
	}
	if err != nil {
		return err
	}
	return w.fault(f)
}

// freezes lets the engine stand still: no token comes and no request begins.
func (w *world) freezes(length, after string) error {
	f, err := duration(length)
	if err != nil {
		return err
	}
	a, err := duration(after)
	if err != nil {
		return err
	}
	return w.fault(mockvllm.Fault{Kind: mockvllm.Freeze, For: f, From: a})
}

// refuses closes the connection before any answer.
func (w *world) refuses(which string) error {
	return w.hits(which, mockvllm.Fault{Kind: mockvllm.Refuse})
}

// cutsShort ends the stream in mid-answer, without a finish reason.
func (w *world) cutsShort(which string) error {
	return w.hits(which, mockvllm.Fault{Kind: mockvllm.Cut})
}

// answersWithStatus answers with an HTTP error and vLLM's body for it.
func (w *world) answersWithStatus(which, status string) error {
	code, err := strconv.Atoi(status)
	if err != nil || code < 400 || code > 599 {
		return fmt.Errorf("%s is no status of an error; it lies between 400 and 599", status)
	}
	return w.hits(which, mockvllm.Fault{Kind: mockvllm.Fail, Status: code})
}

// breaksOff ends the stream with an error event, under status 200.
func (w *world) breaksOff(which string) error {
	return w.hits(which, mockvllm.Fault{Kind: mockvllm.ErrorEvent})
}

// stalls lets answers stop in their middle for a time, and then go on.
func (w *world) stalls(which, length string) error {
	d, err := duration(length)
	if err != nil {
		return err
	}
	return w.hits(which, mockvllm.Fault{Kind: mockvllm.Stall, Delay: d})
}

// slowsDown makes every step of the engine take longer from some time on.
func (w *world) slowsDown(factor, after string) error {
	f, err := number(factor)
	if err != nil {
		return err
	}
	if f <= 0 {
		return fmt.Errorf("%s times as long is impossible; 2 times is half as fast", factor)
	}
	a, err := duration(after)
	if err != nil {
		return err
	}
	return w.fault(mockvllm.Fault{Kind: mockvllm.Slow, Factor: f, From: a})
}

// shrinks leaves the engine only so many cache blocks from some time on.
func (w *world) shrinks(blocks, after string) error {
	n, err := count(blocks, "cache blocks", 2)
	if err != nil {
		return err
	}
	a, err := duration(after)
	if err != nil {
		return err
	}
	return w.fault(mockvllm.Fault{Kind: mockvllm.Shrink, Blocks: n, From: a})
}

// hasNoPrefixCache lets the simulated server compute every prompt from its beginning.
func (w *world) hasNoPrefixCache() error {
	w.target.noPrefixCache = true
	return w.onlySimulated()
}

// leavesOut answers requests of which the server's metrics know nothing.
func (w *world) leavesOut(which string) error {
	return w.hits(which, mockvllm.Fault{Kind: mockvllm.Uncounted})
}

// countsTwice lets the server's metrics count requests twice.
func (w *world) countsTwice(which string) error {
	return w.hits(which, mockvllm.Fault{Kind: mockvllm.Recounted})
}

// usageIsWrong lets answers tell another number of output tokens than they have.
func (w *world) usageIsWrong(which, factor string) error {
	f, err := number(factor)
	if err != nil {
		return err
	}
	return w.hits(which, mockvllm.Fault{Kind: mockvllm.WrongUsage, Factor: f})
}

// networkTakes puts the simulated server so far away. In virtual time only.
func (w *world) networkTakes(each string) (err error) {
	if err := w.onlySimulated(); err != nil {
		return err
	}
	w.target.distance, err = duration(each)
	return err
}

// tellsTimings lets the simulated server tell with each answer how long it waited and
// was computed, as vLLM does with --enable-per-request-metrics.
func (w *world) tellsTimings() error {
	w.target.timings = true
	return w.onlySimulated()
}

// hasFault is any fault of the simulated server, written as its --fault flag
// takes it; `mockvllm --faults` lists them.
func (w *world) hasFault(text string) error {
	f, err := mockvllm.ParseFault(text)
	if err != nil {
		return err
	}
	return w.fault(f)
}

// clientIsHeldUp makes the client itself late, to see that it says so.
func (w *world) clientIsHeldUp(length, after string) error {
	if err := w.onlySimulated(); err != nil {
		return err
	}
	f, err := duration(length)
	if err != nil {
		return err
	}
	a, err := duration(after)
	w.load.heldUp = holdUp{length: f, after: a}
	return err
}

type holdUp struct{ length, after time.Duration }

// heldUp is arrivals that once take their time, as those of a client do that is
// starved of CPU: requests due meanwhile are sent late through our fault.
type heldUp struct {
	harness.Arrivals
	holdUp
}

func (h heldUp) String() string {
	return fmt.Sprintf("%v; our client held up for %v after %v", h.Arrivals, h.length, h.after)
}

// Times yields instants since the load began.
func (h heldUp) Times(r *rand.Rand) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		begun, held := time.Now(), false
		for due := range h.Arrivals.Times(r) {
			if !held && time.Since(begun) >= h.after {
				held = true
				time.Sleep(h.length)
			}
			if !yield(due) {
				return
			}
		}
	}
}
