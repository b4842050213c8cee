package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/disk"
)

// The log of a server that one process started: server-20261123T221503Z-1234.log. Another process
// that stores in the same folder has another one.
const (
	logBegins   = "server-"
	logEnds     = ".log"
	logsThatAre = 5 // kept of servers that have ended, for a reader who asks why
)

// LogFile is the path of what a server writes that this process starts, in the folder of its runs. No
// other process that runs at the same time has the same.
func LogFile(folder string, began time.Time) string {
	return filepath.Join(folder, fmt.Sprintf("%s%s-%d%s", logBegins, began.UTC().Format("20060102T150405Z"), os.Getpid(), logEnds))
}

// LockLog locks the log of a server that this process starts, as long as it lives. The oldest of
// those in its folder that no process writes any more are removed.
func LockLog(d *disk.Disk, path string) (lock *disk.Lock, err error) {
	folder := filepath.Dir(path)
	if err := d.MakeAll(folder); err != nil {
		return nil, err
	}
	err = d.Exclusive(folder, func() (err error) {
		forgetLogs(d, folder)
		lock, err = d.Lock(path)
		return err
	})
	return lock, err
}

// forgetLogs removes the oldest logs of servers that have ended; what cannot be removed is left.
func forgetLogs(d *disk.Disk, folder string) {
	entries, _ := os.ReadDir(folder) // by name, and so the oldest first
	var ended []string
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		if !strings.HasPrefix(entry.Name(), logBegins) || !strings.HasSuffix(entry.Name(), logEnds) {
			continue
		}
		if lock, err := d.Lock(path); err == nil {
			lock.Release()
			ended = append(ended, path)
		}
	}
	for _, path := range ended[:max(0, len(ended)-logsThatAre)] {
		_ = d.Remove(path)
	}
}
