// Calibration holds the harness's verdicts against a server whose truth is known:
// the mock, replayed at full speed. It prints how often intervals contain the true
// value, and how often a verdict is wrong.
//
//	calibration [short] [coverage, capacity, regression …]
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/vllmspec/vllmspec/internal/calibration"
)

func main() {
	if err := calibration.Run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
