//go:build !unix

// Command selfcheck grades the load generator; it needs a Unix system.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "selfcheck stops and measures processes in the way of Unix; run it there")
	os.Exit(1)
}
