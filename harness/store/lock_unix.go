//go:build unix

package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func hold(file *os.File) error {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errors.New("its run is still going on")
	}
	return err
}
