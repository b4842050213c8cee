//go:build unix

package sampler

import "golang.org/x/sys/unix"

// fileLimit is how many files this process may have open.
func fileLimit() (uint64, bool) {
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return uint64(limit.Cur), err == nil
}
