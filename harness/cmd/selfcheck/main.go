// Command selfcheck grades the load generator on the machine where it runs, against a server whose
// truth is known.
//
//	selfcheck          every check
//	selfcheck WORDS    those with these words in their names
//	selfcheck soak N   N short requests, one after the other on 64 streams: memory and speed every 30 s
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/vllmspec/vllmspec/internal/selfcheck"
)

func main() {
	check := selfcheck.Command{Self: os.Args[:1], Stdout: os.Stdout, Stderr: os.Stderr}
	if err := check.Run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "selfcheck:", err)
		os.Exit(1)
	}
}
