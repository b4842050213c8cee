package dataset

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// inOrder does n pieces of work, several at a time and each as soon as those before it
// have begun. Once one fails no other begins: those before the first that failed are done.
func inOrder(n int, do func(i int) error, done func(n int)) {
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

// A progress is called now and then with how many bytes of a file have been checked.
type progress func(done, total int64)

func (p progress) tell(done, total int64) {
	if p != nil {
		p(min(done, total), total)
	}
}
