package fleet_test

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness/fleet"
)

func ExampleContrast() {
	c := fleet.NewContrast(0, time.Minute)
	for i := range 600 {
		engine := fmt.Sprintf("10.0.0.%d:8000", i%4)
		c.Take(engine, time.Duration(i)*time.Minute/600, i%4 == 2 && i%3 == 0 || i%40 == 0)
	}
	slow, _ := c.Slow()
	fmt.Printf("%s had %.0f %% of the slow requests, and %.0f %% of all\n", slow.Name, 100*slow.Slow, 100*slow.Requests)
	// Output: 10.0.0.2:8000 had 77 % of the slow requests, and 25 % of all
}
