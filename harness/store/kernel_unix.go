//go:build unix

package store

import "golang.org/x/sys/unix"

// kernel is the system's release; "" where it is unknown.
func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}
