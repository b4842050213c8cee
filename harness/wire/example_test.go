package wire_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/wire"
)

// What an error says stands in many places; the words are found in any of them.
func ExampleComplaint() {
	fmt.Println(wire.Complaint([]byte(`{"error":{"message":"The model is overloaded","code":503}}`)))
	fmt.Println(wire.Complaint([]byte(`{"detail":[{"loc":["body"],"msg":"Field required"}]}`)))
	fmt.Println(wire.Complaint([]byte(`<html><title>502 Bad Gateway</title></html>`)))
	// Output:
	// The model is overloaded
	// Field required
	// 502 Bad Gateway
}
