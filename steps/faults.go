package steps

import (
	"fmt"

	"github.com/vllmspec/vllmspec/mockvllm"
)

func (w *world) registerFaults(sc sentences) {
	sc.Step(`^it freezes for (.+) after (.+)$`, w.freezes)
	sc.Step(`^it refuses (\S+) of requests$`, w.refuses)
	sc.Step(`^it cuts (\S+) of answers short$`, w.cutsShort)
	sc.Step(`^it answers (\S+) of requests with status (\d+)$`, w.answersWithStatus)
	sc.Step(`^it breaks off (\S+) of answers with an error$`, w.breaksOff)
	sc.Step(`^our client is held up for (.+) after (.+)$`, w.clientIsHeldUp)
}

func (w *world) fault(f mockvllm.Fault) error {
	if err := w.onlySimulated(); err != nil {
		return err
	}
	w.target.faults = append(w.target.faults, f)
	return nil
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
	return w.fault(mockvllm.Freeze{For: f, After: a})
}

// refuses closes the connection before any answer.
func (w *world) refuses(of string) error {
	s, err := share(of)
	if err != nil {
		return err
	}
	return w.fault(mockvllm.Refuse{Share: s})
}

// cutsShort ends the stream in mid-answer, without a finish reason.
func (w *world) cutsShort(of string) error {
	s, err := share(of)
	if err != nil {
		return err
	}
	return w.fault(mockvllm.CutShort{Share: s})
}

// answersWithStatus answers with an HTTP error and vLLM's body for it.
func (w *world) answersWithStatus(of string, status int) error {
	s, err := share(of)
	if err != nil {
		return err
	}
	if status < 400 || status > 599 {
		return fmt.Errorf("%d is no status of an error; it lies between 400 and 599", status)
	}
	return w.fault(mockvllm.Fail{Share: s, Status: status})
}

// breaksOff ends the stream with an error event, under status 200.
func (w *world) breaksOff(of string) error {
	s, err := share(of)
	if err != nil {
		return err
	}
	return w.fault(mockvllm.ErrorInStream{Share: s})
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
	w.workload.heldUp = holdUp{length: f, after: a}
	return err
}
