//go:build !unix

package disk

import (
	"errors"
	"os"
)

// hold cannot keep others out here, and a folder with an open file could not be renamed.
func hold(file *os.File) error { return errors.ErrUnsupported }
