package ci

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// inMemory is a file without a place, and a path by which this process can open it again.
func inMemory(name string) (*os.File, string, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, "", err
	}
	file, path := os.NewFile(uintptr(fd), name), fmt.Sprintf("/proc/self/fd/%d", fd)
	if _, err := os.Stat(path); err != nil {
		file.Close()
		return nil, "", err
	}
	return file, path, nil
}
