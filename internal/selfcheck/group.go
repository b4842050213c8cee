//go:build unix

package selfcheck

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// A group is a cgroup that may use a share of one core, which is how containers
// are held to theirs.
type group string

// newGroup makes a group of either version of cgroups. It is an error where there
// are none, or none for us.
func newGroup(share float64) (g group, err error) {
	const period = 100_000 // µs, as everywhere
	quota := int(share * period)
	for _, version := range []struct{ root, file, limit string }{
		{"/sys/fs/cgroup", "cpu.max", fmt.Sprintf("%d %d", quota, period)},
		{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", strconv.Itoa(quota)},
	} {
		g = group(filepath.Join(version.root, fmt.Sprintf("vllmspec-selfcheck-%d", os.Getpid())))
		if err = os.Mkdir(string(g), 0o755); err != nil {
			continue
		}
		if err = write(filepath.Join(string(g), version.file), version.limit); err == nil {
			return g, nil
		}
		g.remove()
	}
	return "", err
}

// add puts a process into the group.
func (g group) add(pid int) error {
	return write(filepath.Join(string(g), "cgroup.procs"), strconv.Itoa(pid))
}

func (g group) remove() { _ = os.Remove(string(g)) }

// write writes a file that the system has put there, and makes none.
func write(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
