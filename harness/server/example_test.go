package server_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/server"
)

// A server that others run is an address and a way to dial it.
func ExampleAt() {
	s, err := server.At("http://gpu-7:8000/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.URLs(), s.Remote)
	// Output:
	// [http://gpu-7:8000] true
}
