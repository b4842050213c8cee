package target

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/mockvllm"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// Faults are the sentences that give the simulated server a fault.
func Faults[W any]() []sentence.Entry[W] {
	return []sentence.Entry[W]{
		{Pattern: `^it freezes for (.+) after (.+)$`, Do: freezes,
			Doc: `Freezes the engine: no token comes and no request begins.`},
		{Pattern: `^it refuses (.+)$`, Do: refuses,
			Doc: `Closes the connection before any answer.`},
		{Pattern: `^it cuts (.+) short$`, Do: cutsShort,
			Doc: `Ends the stream in mid-answer, without a finish reason.`},
		{Pattern: `^it answers (.+) with status (\d+)$`, Do: answersWithStatus,
			Doc: `Answers with an HTTP error and vLLM's body for it.`},
		{Pattern: `^it breaks off (.+) with an error$`, Do: breaksOff,
			Doc: `Ends the stream with an error event, under status 200.`},
		{Pattern: `^it stalls (.+) for (.+)$`, Do: stalls,
			Doc: `Stalls answers in their middle for a time; then they go on.`},
		{Pattern: `^it sends the headers of (.+) late by (.+)$`, Do: sendsHeadersLate,
			Doc: `Delays the HTTP headers of answers, as a front end that waits for the first token does.`},
		{Pattern: `^its steps take (\S+) times as long after (.+)$`, Do: slowsDown,
			Doc: `Slows every step of the engine down from a time on.`},
		{Pattern: `^its cache shrinks to (\S+) blocks after (.+)$`, Do: shrinks,
			Doc: `Shrinks the KV cache to this number of blocks from a time on.`},
		{Pattern: `^it has no prefix cache$`, Do: hasNoPrefixCache,
			Doc: `Turns prefix caching off: every prompt is computed from its beginning.`},
		{Pattern: `^it leaves (.+) out of its counters$`, Do: leavesOut,
			Doc: `Answers requests that the server's metrics do not count.`},
		{Pattern: `^it counts (.+) twice$`, Do: countsTwice,
			Doc: `Counts requests twice in the server's metrics.`},
		{Pattern: `^the usage of (.+) tells (\S+) times as many tokens$`, Do: usageIsWrong,
			Doc: `Reports a wrong usage: another number of output tokens than the answer has.`},
		{Pattern: `^the network to it takes (.+) each way$`, Do: networkTakes,
			Doc: `Adds network latency in each direction. In virtual time only.`},
		{Pattern: `^it tells the timings of each request$`, Do: tellsTimings,
			Doc: `Reports with each answer how long it was queued and computed, as vLLM does with --enable-per-request-metrics.`},
		{Pattern: `^it has the fault "([^"]*)"$`, Do: hasFault,
			Doc: "Injects any fault of the simulated server, written as its --fault flag takes it; `vllmspec mock --faults` lists them."},
	}
}

func fault(on *experiment.Target, f mockvllm.Fault) error {
	if err := OnlySimulated(on); err != nil {
		return err
	}
	on.Faults = append(on.Faults, f)
	return nil
}

// hits is a fault of some requests, which a phrase names: "5% of requests",
// "the first 20 requests", "every 10th request".
func hits(on *experiment.Target, which string, f mockvllm.Fault) error {
	number := regexp.MustCompile(`^(?:(\S+%) of|the first (\S+)|every (\S+)(?:st|nd|rd|th)) (?:requests?|answers?)$`).FindStringSubmatch(strings.TrimSpace(which))
	var err error
	switch {
	case number == nil:
		return fmt.Errorf(`%q does not say which requests; write "5%% of requests", "the first 20 requests" or "every 10th request"`, which)
	case number[1] != "":
		f.Share, err = amount.Share(number[1])
		if err == nil && f.Share == 0 {
			return nil // none
		}
	case number[2] != "":
		f.First, err = amount.Count(number[2], "requests", 1)
	default:
		f.Every, err = amount.Count(number[3], "requests", 1)
	}
	if err != nil {
		return err
	}
	return fault(on, f)
}

func freezes(on *experiment.Target, length, after string) error {
	f, err := amount.Duration(length)
	if err != nil {
		return err
	}
	a, err := amount.Duration(after)
	if err != nil {
		return err
	}
	return fault(on, mockvllm.Fault{Kind: mockvllm.Freeze, For: f, From: a})
}

func refuses(on *experiment.Target, which string) error {
	return hits(on, which, mockvllm.Fault{Kind: mockvllm.Refuse})
}

func cutsShort(on *experiment.Target, which string) error {
	return hits(on, which, mockvllm.Fault{Kind: mockvllm.Cut})
}

func answersWithStatus(on *experiment.Target, which, status string) error {
	code, err := strconv.Atoi(status)
	if err != nil || code < 400 || code > 599 {
		return fmt.Errorf("%s is no status of an error; it lies between 400 and 599", status)
	}
	return hits(on, which, mockvllm.Fault{Kind: mockvllm.Fail, Status: code})
}

func breaksOff(on *experiment.Target, which string) error {
	return hits(on, which, mockvllm.Fault{Kind: mockvllm.ErrorEvent})
}

func stalls(on *experiment.Target, which, length string) error {
	d, err := amount.Duration(length)
	if err != nil {
		return err
	}
	return hits(on, which, mockvllm.Fault{Kind: mockvllm.Stall, Delay: d})
}

func sendsHeadersLate(on *experiment.Target, which, delay string) error {
	d, err := amount.Duration(delay)
	if err != nil {
		return err
	}
	return hits(on, which, mockvllm.Fault{Kind: mockvllm.SlowHeaders, Delay: d})
}

func slowsDown(on *experiment.Target, factor, after string) error {
	f, err := quantity.Number(factor)
	if err != nil {
		return err
	}
	if f <= 0 {
		return fmt.Errorf("%s times as long is impossible; 2 times is half as fast", factor)
	}
	a, err := amount.Duration(after)
	if err != nil {
		return err
	}
	return fault(on, mockvllm.Fault{Kind: mockvllm.Slow, Factor: f, From: a})
}

func shrinks(on *experiment.Target, blocks, after string) error {
	n, err := amount.Count(blocks, "cache blocks", 2)
	if err != nil {
		return err
	}
	a, err := amount.Duration(after)
	if err != nil {
		return err
	}
	return fault(on, mockvllm.Fault{Kind: mockvllm.Shrink, Blocks: n, From: a})
}

func hasNoPrefixCache(on *experiment.Target) error {
	on.NoPrefixCache = true
	return OnlySimulated(on)
}

func leavesOut(on *experiment.Target, which string) error {
	return hits(on, which, mockvllm.Fault{Kind: mockvllm.Uncounted})
}

func countsTwice(on *experiment.Target, which string) error {
	return hits(on, which, mockvllm.Fault{Kind: mockvllm.Recounted})
}

func usageIsWrong(on *experiment.Target, which, factor string) error {
	f, err := quantity.Number(factor)
	if err != nil {
		return err
	}
	return hits(on, which, mockvllm.Fault{Kind: mockvllm.WrongUsage, Factor: f})
}

func networkTakes(on *experiment.Target, each string) (err error) {
	if err := OnlySimulated(on); err != nil {
		return err
	}
	on.Distance, err = amount.Duration(each)
	return err
}

func tellsTimings(on *experiment.Target) error {
	on.Timings = true
	return OnlySimulated(on)
}

func hasFault(on *experiment.Target, text string) error {
	f, err := mockvllm.ParseFault(text)
	if err != nil {
		return err
	}
	return fault(on, f)
}
