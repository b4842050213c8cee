package steps

import (
	"errors"
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/steps/internal/amount"
)

// patience is how long answers are waited for, as the scenario says it; 0: not said.
type patience struct {
	answer time.Duration // one may take
	after  time.Duration // the load they are awaited
}

// patienceSentences say how long answers are awaited.
func patienceSentences() []entry {
	return []entry{
		{Pattern: `^an answer may take at most (.+)$`, Do: (*patience).answerMayTake,
			Doc: `Times a request out this long after it was sent. Without it that is 10 minutes, and 30 where the load is a
				number of requests.`},
		{Pattern: `^answers are awaited for at most (.+) after the load$`, Do: (*patience).awaitedAfter,
			Doc: `Waits this long after the load for answers; those that have not ended are unanswered, and their objectives may
				be unknown. Without it a load for a time waits 10 minutes, or as long as an answer may take, each run of a sweep
				or a search 1 minute, and a load of a number of requests until all have ended.`},
	}
}

func (p *patience) answerMayTake(length string) error {
	if p.answer > 0 {
		return errors.New("how long an answer may take is said twice; keep one")
	}
	return waits(length, &p.answer)
}

func (p *patience) awaitedAfter(length string) error {
	if p.after > 0 {
		return errors.New("how long answers are awaited after the load is said twice; keep one")
	}
	return waits(length, &p.after)
}

// waits reads a time that answers are waited for.
func waits(length string, into *time.Duration) (err error) {
	if *into, err = amount.Duration(length); err == nil && *into <= 0 {
		err = fmt.Errorf("answers take time; write 5 minutes in place of %s", length)
	}
	return err
}
