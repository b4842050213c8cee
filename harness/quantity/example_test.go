package quantity_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/quantity"
)

// A limit is read into the base unit of its metric, and written for people.
func Example() {
	limit, err := quantity.Parse("1,500 ms", quantity.Seconds, "TTFT")
	fmt.Println(limit, err)
	fmt.Println(quantity.Format(0.7314, quantity.Seconds), "and", quantity.Format(0.993, quantity.Ratio))
	fmt.Println(quantity.Counted(2417, "request"))

	_, err = quantity.Parse("500", quantity.Seconds, "TTFT")
	fmt.Println(err)
	// Output:
	// 1.5 <nil>
	// 731 ms and 99.3 %
	// 2,417 requests
	// "500" has no unit; write 500 ms or 500 s
}
