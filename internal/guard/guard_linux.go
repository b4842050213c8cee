package guard

import (
	"bytes"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// itself is this program's file, also where it was removed after the start.
func itself() string { return "/proc/self/exe" }

// adoptOrphans makes this process the parent of all its descendants whose own parent ends.
func adoptOrphans() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// diesWithUs has the system end a program when its guard is killed. The system counts the thread
// that started it; an init function runs on the first, which lives as long as the guard.
func diesWithUs(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

// endAll ends all descendants, whatever sessions and groups they have made.
func endAll(int) {
	for _, process := range descendants(os.Getpid()) {
		_ = syscall.Kill(process, syscall.SIGKILL)
	}
}

// descendants are the processes that come from one, as /proc lists them just now.
func descendants(of int) (all []int) {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if process, err := strconv.Atoi(entry.Name()); err == nil {
			if parent := parentOf(entry.Name()); parent > 0 {
				children[parent] = append(children[parent], process)
			}
		}
	}
	for next := children[of]; len(next) > 0; next = next[1:] {
		all = append(all, next[0])
		next = append(next, children[next[0]]...)
	}
	return all
}

// parentOf is the parent of a process; 0 where it has ended. The name of a program, in
// parentheses before it, may hold anything.
func parentOf(process string) int {
	raw, err := os.ReadFile("/proc/" + process + "/stat")
	end := bytes.LastIndexByte(raw, ')')
	if err != nil || end < 0 {
		return 0
	}
	fields := bytes.Fields(raw[end+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	return parent
}
