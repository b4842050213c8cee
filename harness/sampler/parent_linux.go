package sampler

import (
	"strconv"
	"strings"
)

// parentOf is the process that started another one. gopsutil reads two files and
// the creation time for the same answer.
func parentOf(pid int32) (int32, bool) {
	stat := read("/proc", strconv.Itoa(int(pid)), "stat") // "42 (name) S 1 …", and the name may hold anything
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.ParseInt(fields[1], 10, 32)
	return int32(parent), err == nil
}
