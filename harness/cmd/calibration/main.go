// Calibration holds the harness's verdicts against a server whose truth is known:
// the mock, replayed at full speed. It prints how often intervals contain the true
// value, and how often a verdict is wrong.
//
//	calibration [short] [coverage, capacity, regression …]
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// A part of the calibration; a short one takes some seconds.
type part struct {
	name string
	run  func(w io.Writer, short bool) error
}

func parts() []part {
	return []part{
		{"coverage", coverage},
		{"capacity", capacity},
		{"regression", regression},
	}
}

func main() {
	if err := calibrate(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func calibrate(w io.Writer, arguments []string) error {
	short := len(arguments) > 0 && arguments[0] == "short"
	if short {
		arguments = arguments[1:]
	}
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	for _, asked := range arguments {
		if !slices.Contains(names, asked) {
			return fmt.Errorf("there is no calibration %q; there are: %s; before them may stand: short", asked, strings.Join(names, ", "))
		}
	}
	for _, p := range parts() {
		if len(arguments) > 0 && !slices.Contains(arguments, p.name) {
			continue
		}
		if err := p.run(w, short); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}
