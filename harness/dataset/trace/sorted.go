package trace

import (
	"container/heap"
	"errors"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// sorted is the requests of a file in the order of their instants. Rows are kept back until
// no later one can be due before them: by as much as the file is out of order.
func (t *traceFile) sorted(yield func(Request, error) bool) {
	var waiting rowHeap
	latest, rows := t.facts.least, int64(0)
	out := func() bool {
		q := heap.Pop(&waiting).(waitingRow)
		return yield(Request{At: q.at - t.facts.least, Prompt: q.prompt, Answer: q.answer, Blocks: q.blocks}, nil)
	}
	for row, err := range t.inFileOrder() {
		if _, ok := errors.AsType[*source.Unaskable](err); ok {
			continue
		}
		if err != nil || row.at < t.facts.least {
			yield(Request{}, t.Changed(err))
			return
		}
		latest, rows = max(latest, row.at), rows+1
		heap.Push(&waiting, waitingRow{row.requestRow, rows})
		for len(waiting) > 0 && waiting[0].at <= latest-t.facts.behind {
			if !out() {
				return
			}
		}
	}
	if rows != t.facts.kept {
		yield(Request{}, t.Changed(nil))
		return
	}
	for len(waiting) > 0 {
		if !out() {
			return
		}
	}
}

// A waitingRow is a row and its number.
type waitingRow struct {
	requestRow
	number int64
}

// A rowHeap has the earliest row first, and of several of one instant the first.
type rowHeap []waitingRow

func (h rowHeap) Len() int { return len(h) }
func (h rowHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].number < h[j].number
}
func (h rowHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *rowHeap) Push(x any)   { *h = append(*h, x.(waitingRow)) }

// Pop implements [heap.Interface].
func (h *rowHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
