package source

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// InParallel does n pieces of work, as many at a time as there are processors, in the order of their numbers.
// Once one fails no other begins: all before the first that failed are done. done gets how many have ended.
func InParallel(n int, do func(i int) error, done func(n int)) {
	var next, ended atomic.Int64
	var failed atomic.Bool
	var telling sync.Mutex
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		working.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && !failed.Load(); i = int(next.Add(1)) - 1 {
				if do(i) != nil {
					failed.Store(true)
				}
				telling.Lock()
				done(int(ended.Add(1)))
				telling.Unlock()
			}
		})
	}
	working.Wait()
}

// A Progress is called now and then with how many bytes of a file have been checked.
type Progress func(done, total int64)

// Report calls p, where it is set, with at most total.
func (p Progress) Report(done, total int64) {
	if p != nil {
		p(min(done, total), total)
	}
}
