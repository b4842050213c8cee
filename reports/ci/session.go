package ci

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Session says which results belong together. All that one go test runs does: the repetitions
// of -count, and the packages that it runs beside each other. So do the go tests of one gotestsum
// that runs again what failed; nothing else that is started twice does, for the results
// of an earlier go test must not count for a later one.
type Session struct {
	ID      string `json:"session"` // of gotestsum, or else of the go test
	Start   string `json:"start"`   // of the go test
	Process string `json:"process"` // of the test binary
	Lock    string `json:"lock"`    // the file in the output folder that it holds as long as it lives
}

// CurrentSession is the session of this process.
func CurrentSession() Session {
	executable, _ := os.Executable()
	own := fmt.Sprintf("%s %d", executable, os.Getpid())
	ancestors := ancestors("/proc", os.Getpid())
	if len(ancestors) > 0 {
		own += " " + ancestors[0].began
	}
	s := Session{Process: own, Start: own}
	if built := BuildFolder(executable); built != "" {
		s.Start = built
	}
	s.ID = s.Start
	for _, p := range ancestors {
		if p.reruns() {
			s.ID = fmt.Sprintf("gotestsum %d %s", p.id, p.began)
			break
		}
	}
	return s
}

// BuildFolder is the folder that go test makes for itself alone, and runs its binaries
// from; "" for a binary that was not built so.
func BuildFolder(executable string) string {
	for dir := filepath.Dir(executable); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		digits, found := strings.CutPrefix(filepath.Base(dir), "go-build")
		if _, err := strconv.ParseUint(digits, 10, 64); found && err == nil {
			return dir
		}
	}
	return ""
}

// A process is one that is running.
type process struct {
	id    int
	name  string
	began string // in ticks since the system started: with the id, no other one's
	args  []string
}

// reruns reports whether it is a gotestsum that runs tests again which failed.
func (p process) reruns() bool {
	return p.name == "gotestsum" && slices.ContainsFunc(p.args, func(arg string) bool {
		return strings.HasPrefix(strings.TrimLeft(arg, "-"), "rerun-fails") && strings.HasPrefix(arg, "-")
	})
}

// ancestors are a process, its parent and so on, as Linux lists them; nil elsewhere.
func ancestors(proc string, id int) (all []process) {
	const most = 64 // processes may end, and their ids be given to others, while we look
	for len(all) < most && id > 0 {
		dir := filepath.Join(proc, strconv.Itoa(id))
		raw, err := os.ReadFile(filepath.Join(dir, "stat"))
		from, to := strings.Index(string(raw), "("), strings.LastIndex(string(raw), ")")
		if err != nil || from < 0 || to < from {
			return all
		}
		const parent, began = 1, 19 // of the fields after the name, which may hold anything
		fields := strings.Fields(string(raw[to+1:]))
		if len(fields) <= began {
			return all
		}
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		all = append(all, process{id, string(raw[from+1 : to]), fields[began], strings.Split(string(args), "\x00")})
		id, _ = strconv.Atoi(fields[parent])
	}
	return all
}
