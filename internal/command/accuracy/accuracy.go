// Package accuracy is the commands that say how true the figures of vllmspec are: those of its load
// generator on a machine, and its verdicts over many runs.
package accuracy

import (
	"context"
	"errors"
	"os"

	"github.com/vllmspec/vllmspec/internal/calibration"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/selfcheck"
)

// SelfcheckCommand grades the load generator on the machine where it runs.
func SelfcheckCommand() command.Command {
	return command.Command{Name: "selfcheck", Usage: "[WORDS… | soak REQUESTS]", Run: check,
		Does: "grades the load generator on this machine: some five minutes",
		Example: `vllmspec selfcheck 10 streams      # loads with these words in their name
			vllmspec selfcheck soak 1000000    # memory and speed, every 30 seconds`}
}

func check(call *command.Call) error {
	words, err := call.Flags().Read()
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	err = selfcheck.Command{Program: program, Stdout: call.Out, Stderr: call.Err}.Run(context.Background(), words)
	if _, mistaken := errors.AsType[*selfcheck.ArgumentError](err); mistaken {
		return &command.Mistake{Err: err}
	}
	return err
}

// CalibrateCommand holds verdicts against a server whose truth is known.
func CalibrateCommand() command.Command {
	return command.Command{Name: "calibrate", Usage: "[short] [coverage | capacity | regression…]", Run: calibrate,
		Does:    "holds verdicts against a known truth: an hour, or a minute",
		Example: "vllmspec calibrate short coverage"}
}

func calibrate(call *command.Call) error {
	words, err := call.Flags().Read()
	if err != nil {
		return err
	}
	if err := calibration.Check(words); err != nil {
		return &command.Mistake{Err: err}
	}
	return calibration.Run(context.Background(), words, call.Out)
}
