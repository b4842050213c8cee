//go:build !unix

// Package selfcheck grades the load generator; it needs a Unix system.
package selfcheck

import (
	"context"
	"errors"
	"io"
)

// A Command is how the check is run, and where it writes.
type Command struct {
	Program        string
	Stdout, Stderr io.Writer
}

// Run fails.
func (Command) Run(context.Context, []string) error {
	return errors.New("selfcheck stops and measures processes in the way of Unix; run it there")
}
