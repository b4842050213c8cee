package steps

import (
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
	"github.com/vllmspec/vllmspec/steps/internal/target"
)

// heldUpSentences have the client itself be late.
func heldUpSentences() []entry {
	return []entry{
		{Pattern: `^our client is held up for (.+) after (.+)$`, Do: clientIsHeldUp,
			Doc: `Delays the client itself, to test that it reports its own lateness.`},
	}
}

func clientIsHeldUp(on *experiment.Target, l *loadSpec, length, after string) error {
	if err := target.OnlySimulated(on); err != nil {
		return err
	}
	f, err := amount.Duration(length)
	if err != nil {
		return err
	}
	a, err := amount.Duration(after)
	l.heldUp = arrival.HeldUp{For: f, After: a}
	return err
}
