//go:build !linux

package sampler

import "github.com/shirou/gopsutil/v3/process"

// parentOf is the process that started another one.
func parentOf(pid int32) (int32, bool) {
	one, err := process.NewProcess(pid)
	if err != nil {
		return 0, false
	}
	parent, err := one.Ppid()
	return parent, err == nil
}
