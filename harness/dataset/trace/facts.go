package trace

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// near is how far the rows of a trace may be out of order to be sorted as they are read:
// requests are often written down when they end. What is farther away belongs elsewhere.
const near = 10 * time.Minute

// facts are what is known of a trace once its rows were read.
type facts struct {
	left               source.LeftOut // of all rows
	kept               int64
	first, least, most time.Duration // instants: of the first row, and of all
	leastLine          int64
	behind             time.Duration // how far a row is behind the latest one ahead of it, at most
	behindLine         int64
	pause              time.Duration // the longest between two of them
	numbers            stamps
	names              blocks
	lines              int64
	err                error // of the last line
}

func newFacts(form *layout) facts {
	return facts{numbers: stamps{unit: form.unit}, names: newBlocks()}
}

// add adds a row that is kept.
func (f *facts) add(q requestRow, line int64) {
	if f.kept == 0 {
		f.first, f.least, f.most, f.leastLine = q.at, q.at, q.at, line
	}
	if q.at < f.least {
		f.least, f.leastLine = q.at, line
	}
	if late := f.most - q.at; late > f.behind {
		f.behind, f.behindLine = late, line
	}
	f.pause = max(f.pause, q.at-f.most)
	f.most = max(f.most, q.at)
	f.kept++
	f.numbers.add(q.number, line)
	f.names.add(q.prompt, len(q.blocks), line)
}

// join adds the facts of the rows that come next.
func (f *facts) join(next *facts) {
	lines := f.lines
	f.left.Add(&next.left, f.left.Of, lines)
	f.lines += next.lines
	f.names.join(&next.names, lines)
	if next.kept == 0 {
		return
	}
	f.numbers.join(&next.numbers, lines)
	if f.kept == 0 {
		f.first, f.least, f.most, f.leastLine = next.first, next.least, next.first, next.leastLine+lines
	}
	f.kept += next.kept
	if next.behind > f.behind {
		f.behind, f.behindLine = next.behind, next.behindLine+lines
	}
	if late := f.most - next.least; late > f.behind {
		f.behind, f.behindLine = late, next.leastLine+lines
	}
	if next.least < f.least {
		f.least, f.leastLine = next.least, next.leastLine+lines
	}
	f.pause = max(f.pause, next.pause, next.first-f.most)
	f.most = max(f.most, next.most)
}

// check refuses rows that are far out of order, and files most of whose rows have nothing.
func (f *facts) check() error {
	if err := f.left.Check("requests"); err != nil {
		return err
	}
	if f.behind > near {
		return source.AtLine(f.behindLine, fmt.Errorf("the request came %s before one ahead of it; sort the rows by their instants", roughSpan(f.behind.Seconds())))
	}
	return nil
}
