//go:build !linux

package ci

import (
	"errors"
	"os"
)

// inMemory is what Linux alone can do.
func inMemory(string) (*os.File, string, error) { return nil, "", errors.ErrUnsupported }
