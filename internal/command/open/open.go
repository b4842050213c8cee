// Package open shows stored reports in a browser, or says where they are.
package open

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/internal/bucket"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/plain"
)

// Command shows the newest report.
func Command() command.Command {
	return command.Command{Name: "open", Usage: "[RUN] [--index] [--out FOLDER]", Run: run,
		Does: "opens the latest report in a browser, or prints where it is",
		Example: `vllmspec open
			vllmspec open --index    # the list of all runs`}
}

func run(call *command.Call) error {
	flags := call.Flags()
	out := flags.String("out", "", "`folder` of the runs (default VLLMSPEC_OUT, or reports/out)")
	index := flags.Bool("index", false, "the list of all runs")
	runs, err := flags.Read()
	if err != nil {
		return err
	}
	folder := Folder(call, *out)
	path := ""
	switch {
	case len(runs) > 1 || len(runs) == 1 && *index:
		return command.Mistakef("it opens one report: vllmspec open reports/out/run=…")
	case *index:
		path = filepath.Join(folder, "index.html")
	case len(runs) == 1:
		path = call.Path(runs[0])
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, "report.html")
		}
	default:
		if path, err = Latest(folder); err != nil {
			return err
		}
	}
	if !exists(path) {
		return command.Mistakef("there is no report %s: vllmspec report RUN draws one of a stored run", path)
	}
	fmt.Fprintln(call.Out, plain.Line(path))
	Show(call.Environ, path)
	return nil
}

// Folder is the folder of the runs: the one that a flag names, or the environment, or the usual one.
func Folder(call *command.Call, named string) string {
	if named == "" {
		named = call.Variable("VLLMSPEC_OUT")
	}
	if bucket.IsAddress(named) { // runs that go to a bucket lie in the usual folder too
		named = ""
	}
	if filepath.IsAbs(named) {
		return named
	}
	return filepath.Join(environment.Module(call.Dir), cmp.Or(named, filepath.Join("reports", "out")))
}

// History is the address of the history that the environment names; "" for none.
func History(call *command.Call) (string, error) {
	return environment.HistoryAt(environment.Module(call.Dir), call.Environ)
}

// Latest is the report of the newest run in a folder: the one that the link latest leads to, or else the last by name, which
// begins with the time at which a run began.
func Latest(folder string) (string, error) {
	if run, err := filepath.EvalSymlinks(filepath.Join(folder, "latest")); err == nil {
		if path := filepath.Join(run, "report.html"); exists(path) {
			return path, nil
		}
	}
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", command.Mistakef("there are no runs yet in %s: vllmspec test makes some, vllmspec demo too", folder)
	}
	if err != nil {
		return "", err
	}
	for _, entry := range slices.Backward(entries) {
		if path := filepath.Join(folder, entry.Name(), "report.html"); strings.HasPrefix(entry.Name(), "run=") && exists(path) {
			return path, nil
		}
	}
	return "", command.Mistakef("there are no reports yet in %s: vllmspec test makes some, vllmspec demo too", folder)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Show has the desktop show a file or an address, where there is one. It reports whether there is.
func Show(environ []string, what string) bool {
	words := opener(runtime.GOOS, environ)
	if words == nil {
		return false
	}
	viewer := exec.Command(words[0], append(words[1:], what)...)
	if viewer.Start() != nil {
		return false
	}
	go viewer.Wait() // it says nothing that is of use here
	return true
}

// opener is the program that shows something on a desktop; nil where there is no display.
func opener(system string, environ []string) []string {
	value := func(name string) string {
		for _, entry := range environ {
			if value, found := strings.CutPrefix(entry, name+"="); found {
				return value
			}
		}
		return ""
	}
	switch {
	case value("CI") != "":
		return nil
	case system == "darwin":
		return []string{"open"}
	case system == "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	case value("DISPLAY") != "" || value("WAYLAND_DISPLAY") != "":
		return []string{"xdg-open"}
	}
	return nil
}
