package arrival_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/vllmspec/vllmspec/harness/arrival"
)

// A process draws the instants at which requests are due.
func Example() {
	process := arrival.Even{PerSecond: 4}
	fmt.Println(process)
	n := 0
	for at := range process.Times(rand.New(rand.NewPCG(1, 2))) {
		fmt.Println(at)
		if n++; n == 3 {
			break
		}
	}
	// Output:
	// evenly at 4 per second
	// 0s
	// 250ms
	// 500ms
}
