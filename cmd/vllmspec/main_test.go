package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/command"
)

func TestCommands_haveAHelpOf80Columns(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range commands() {
		var out bytes.Buffer
		assert.Equal(t, command.OK, commands().Run(command.Call{Args: []string{c.Name, "-h"}, Out: &out, Err: &out}), c.Name)
		for line := range strings.Lines(out.String()) {
			assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, "%s: %s", c.Name, line)
		}
		assert.False(t, seen[c.Name], "%s is there twice", c.Name)
		seen[c.Name] = true
		assert.LessOrEqual(t, len([]rune(c.Does)), 66, "%s: its line in the list has 80 columns", c.Name)
		assert.NotEmpty(t, c.Does, c.Name)
		if c.Name != "mock" { // which has the help of vllm serve
			assert.Contains(t, c.Example, "vllmspec "+c.Name, c.Name)
		}
	}
}

// A user is in a folder of its own, with the program.
type user struct {
	*testing.T
	program, dir string
	environ      []string
}

// types types a line and returns what it prints.
func (u user) types(code int, line string) string {
	u.Helper()
	words := strings.Fields(line)
	if words[0] == "vllmspec" {
		words[0] = u.program
	}
	c := exec.Command(words[0], words[1:]...)
	c.Dir, c.Env = u.dir, append(append(os.Environ(), "PWD="+u.dir, "CI=true", "GITHUB_ACTIONS=", "GITHUB_STEP_SUMMARY="), u.environ...)
	out, err := c.CombinedOutput()
	if exit := new(exec.ExitError); err != nil {
		require.ErrorAs(u, err, &exit, line)
	}
	require.Equal(u, code, c.ProcessState.ExitCode(), "%s: %s", line, out)
	return string(out)
}

// printed are the commands that init ends with, to measure the mock.
func printed(t *testing.T, out string) (lines []string) {
	t.Helper()
	_, after, found := strings.Cut(out, "Now measure the mock:\n\n")
	require.True(t, found, out)
	block, _, _ := strings.Cut(after, "\n\n")
	for line := range strings.SplitSeq(block, "\n") {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// TestVllmspec_fromNothingToAReport is the way of a new user, in an empty folder.
func TestVllmspec_fromNothingToAReport(t *testing.T) {
	program := filepath.Join(t.TempDir(), "vllmspec")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Run("without Go", func(t *testing.T) {
		u := user{t, program, t.TempDir(), []string{"PATH=" + t.TempDir()}}
		for _, line := range printed(t, u.types(0, "vllmspec init --ci none")) {
			assert.Contains(t, u.types(0, line), "Met, simulated")
		}
		assert.Contains(t, u.types(0, "vllmspec check"), "1 scenario can run.")
		page := strings.TrimSpace(u.types(0, "vllmspec open"))
		require.FileExists(t, page)
		assert.Equal(t, page, strings.TrimSpace(u.types(0, "vllmspec report "+filepath.Dir(page))))
		u.types(0, "vllmspec test --run Everyday")
		runs, err := filepath.Glob(filepath.Join(u.dir, "reports", "out", "run=*"))
		require.NoError(t, err)
		require.Len(t, runs, 2)
		assert.FileExists(t, strings.TrimSpace(u.types(0, "vllmspec compare "+strings.Join(runs, " "))))
		assert.Contains(t, u.types(0, "vllmspec drift"), "Everyday traffic: 2 runs since")
		assert.Contains(t, u.types(0, "vllmspec version"), "vllmspec ")
		assert.Contains(t, u.types(2, "vllmspec tset"), `did you mean "test"?`)
	})
	t.Run("with Go", func(t *testing.T) {
		ours, err := filepath.Abs("../..")
		require.NoError(t, err)
		u := user{t, program, t.TempDir(), []string{"GOFLAGS=-mod=mod -vet=off", "GOPROXY=off"}}
		said, recorded := u.types(0, "vllmspec init"), new(recording)
		recorded.add("vllmspec init", said)
		assert.FileExists(t, filepath.Join(u.dir, ".github", "workflows", "slo.yml"))
		for _, line := range printed(t, said) {
			recorded.add(line, u.types(0, line))
			if strings.HasPrefix(line, "go mod init") { // it is not published
				u.needsOurs(ours)
			}
		}
		assert.FileExists(t, filepath.Join(u.dir, "reports", "out", "junit.xml"))
		recorded.isInTheDocument(t, u.dir)
	})
}

// needsOurs has the user's module take vllmspec from this checkout, and all that it needs in the versions that it
// has here.
func (u user) needsOurs(ours string) {
	u.Helper()
	u.types(0, "go mod edit -replace=github.com/vllmspec/vllmspec="+ours)
	sums, err := os.ReadFile(filepath.Join(ours, "go.sum"))
	require.NoError(u, err)
	require.NoError(u, os.WriteFile(filepath.Join(u.dir, "go.sum"), sums, 0o644))
}
