package vllmspec

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

const quick = `Feature: Quick
  @quick
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "prompts.jsonl"
    And answers are at most 8 tokens long
    And requests arrive evenly at 5 per second
    When the load runs for 10 requests
    Then these objectives are met:
      | requests | exactly 10 |
  @other
  Scenario: Two
    Given the model "llama-3.1-8b" is being served
    And prompts of 16 tokens are answered in 8 tokens
    And requests arrive evenly at 5 per second
    When the load runs for 10 requests
    Then these objectives are met:
      | requests | exactly 11 |
`

const threeLines = `package %

import (
	"testing"

	"github.com/vllmspec/vllmspec"
)

func TestSLO(t *testing.T) { vllmspec.Run(t, "slo") }
`

// write writes files into a folder, each with its name before it.
func write(t *testing.T, folder string, namesAndTexts ...string) {
	t.Helper()
	for i := 0; i < len(namesAndTexts); i += 2 {
		path := filepath.Join(folder, namesAndTexts[i])
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(namesAndTexts[i+1]), 0o644))
	}
}

// ownModule is a module of a stranger's, whose package chat has features and the test that runs
// them. It needs nothing that ours does not.
func ownModule(t *testing.T) string {
	t.Helper()
	ours, err := os.Getwd()
	require.NoError(t, err)
	needs, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	sums, err := os.ReadFile("go.sum")
	require.NoError(t, err)
	mod := strings.Replace(string(needs), "module github.com/vllmspec/vllmspec\n", "module example.com/own\n", 1)
	mod += "\nrequire github.com/vllmspec/vllmspec v0.0.0\n\nreplace github.com/vllmspec/vllmspec => " + ours + "\n"
	module := t.TempDir()
	write(t, module, "go.mod", mod, "go.sum", string(sums), "chat/chat_test.go", strings.Replace(threeLines, "%", "chat", 1),
		"chat/slo/quick.feature", quick, "chat/prompts.jsonl", strings.Repeat(`{"prompt": "Hello, how are you?"}`+"\n", 20))
	return module
}

// goTest runs go test in a folder, and returns what it wrote and whether it passed.
func goTest(t *testing.T, dir string, variables []string, args ...string) (string, bool) {
	t.Helper()
	command := exec.Command("go", append([]string{"test"}, args...)...)
	command.Dir = dir
	command.Env = append(os.Environ(), "PWD="+dir, "GOFLAGS=-mod=mod -vet=off", "GITHUB_ACTIONS=", "GITHUB_STEP_SUMMARY=")
	command.Env = append(command.Env, variables...)
	out, err := command.CombinedOutput()
	if exit := new(exec.ExitError); err != nil {
		require.ErrorAs(t, err, &exit)
	}
	return string(out), err == nil
}

// A junitFile is what a test reads of junit.xml.
type junitFile struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Cases    []struct {
		Name string `xml:"name,attr"`
		File string `xml:"file,attr"`
	} `xml:"testsuite>testcase"`
}

func junitIn(t *testing.T, folder string) (read junitFile) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, "junit.xml"))
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(raw, &read))
	return read
}

// An own is a stranger's module, and its test of package chat as a program: to build it takes longer
// than to run it.
type own struct{ module, program string }

// run runs the program as go test does, in the folder of its package.
func (o own) run(t *testing.T, variables []string, args ...string) (string, bool) {
	t.Helper()
	command := exec.Command(o.program, args...)
	command.Dir = filepath.Join(o.module, "chat")
	command.Env = append(append(os.Environ(), "PWD="+command.Dir, "GITHUB_ACTIONS=", "GITHUB_STEP_SUMMARY="), variables...)
	out, err := command.CombinedOutput()
	if exit := new(exec.ExitError); err != nil {
		require.ErrorAs(t, err, &exit)
	}
	return string(out), err == nil
}

func TestRun_inAModuleOfItsOwn(t *testing.T) {
	o := own{ownModule(t), filepath.Join(t.TempDir(), "chat.test")}
	said, passed := goTest(t, o.module, nil, "-c", "-o", o.program, "./chat")
	require.True(t, passed, said)
	t.Run("is measured each time", o.isMeasuredEachTime)
	t.Run("is run in part", o.isRunInPart)
	t.Run("is only read", o.isOnlyRead)
	t.Run("has what is run again in its place", o.isRunAgain)
	t.Run("is ended with go", o.isEndedWithGo)
	t.Run("shows what README shows", o.showsWhatReadmeShows)
}

func (o own) isMeasuredEachTime(t *testing.T) {
	out, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(o.module, link))
	for _, dir := range []string{o.module, o.module, link, link} {
		said, passed := goTest(t, dir, []string{"VLLMSPEC_OUT=" + out, "GODOG_TAGS=@quick"}, "./chat")
		assert.True(t, passed, said)
		assert.NotContains(t, said, "(cached)")
	}
	assert.Equal(t, 1, junitIn(t, out).Tests)
	said, passed := goTest(t, o.module, []string{"VLLMSPEC_OUT=" + out, "GODOG_TAGS=@nope"}, "./...")
	assert.False(t, passed)
	assert.Contains(t, said, `the tags "@nope" select no scenario`)
}

// showsWhatReadmeShows runs the feature of README, and once more with the sentences that README puts in the place of
// one of them, and looks for the output that it shows: README breaks lines, and leaves out what is at a "…".
func (o own) showsWhatReadmeShows(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```(gherkin|text|go)\n(.*?)```").FindAllStringSubmatch(string(raw), -1)
	require.Len(t, blocks, 5)
	code, feature, met, instead, missed := blocks[0][2], blocks[1][2], blocks[2][2], blocks[3][2], blocks[4][2]
	assert.Contains(t, code, "\n"+strings.Replace(threeLines, "%", "slo_test", 1), "the test that this program is made of")
	broken := regexp.MustCompile(`(?m)^ *Given .*\n`).ReplaceAllLiteralString(feature, instead)
	module := t.TempDir()
	write(t, module, "go.mod", "module example.com/own\n")
	for text, shown := range map[string]string{feature: met, broken: missed} {
		write(t, module, "slo/chat.feature", text)
		command := exec.Command(o.program, "-test.v")
		command.Dir, command.Env = module, append(os.Environ(), "PWD="+module, "GITHUB_ACTIONS=", "GITHUB_STEP_SUMMARY=")
		said, err := command.CombinedOutput()
		assert.Equal(t, shown == met, err == nil, "%s", said)
		for part := range strings.SplitSeq(shown, "…") {
			assert.Contains(t, strings.Join(strings.Fields(string(said)), " "), strings.Join(strings.Fields(part), " "))
		}
	}
}

func (o own) isRunInPart(t *testing.T) {
	out := t.TempDir()
	said, passed := o.run(t, []string{"VLLMSPEC_OUT=" + out}, "-godog.tags=@other")
	assert.False(t, passed)
	assert.Regexp(t, `missed: requests was 10, .*\(chat/slo/quick.feature:18\)`, said)

	said, passed = o.run(t, []string{"VLLMSPEC_OUT=" + out}, "-test.run", "TestSLO/quick.feature/One")
	assert.False(t, passed, "the feature is called chat/slo/quick.feature")
	assert.Contains(t, said, "as in -run TestSLO/chat/slo/quick.feature")
	said, passed = o.run(t, []string{"VLLMSPEC_OUT=" + out}, "-test.run", "TestSLO/chat/slo/quick.feature/One")
	assert.True(t, passed, said)
	assert.Equal(t, "One", junitIn(t, out).Cases[0].Name)
	said, passed = o.run(t, []string{"VLLMSPEC_OUT=" + out, "VLLMSPEC_FEATURES=slo/quick.feature:3"})
	assert.True(t, passed, said)
	assert.Equal(t, 1, junitIn(t, out).Tests)
	assert.Equal(t, "chat/slo/quick.feature", junitIn(t, out).Cases[0].File)
}

func (o own) isOnlyRead(t *testing.T) {
	out, before := t.TempDir(), everything(t, o.module)
	said, passed := o.run(t, []string{"VLLMSPEC_OUT=" + out, "TMPDIR=/nowhere"}, "-godog.tags=@quick")
	assert.True(t, passed, said)
	assert.Equal(t, before, everything(t, o.module), "nothing but the output folder is written")
	assert.Equal(t, 1, junitIn(t, out).Tests)

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	said, passed = o.run(t, []string{"VLLMSPEC_OUT=" + filepath.Join(file, "out")})
	assert.False(t, passed)
	assert.Contains(t, said, "; set VLLMSPEC_OUT to a folder that can be written: ")
}

// isRunAgain runs the tests twice, the second time only what failed, under a program that is
// called as one that does so, and under one that is not.
func (o own) isRunAgain(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("only Linux tells which program started this one")
		return
	}
	programs := t.TempDir()
	twice := "#!/bin/sh\ncd chat\n" + o.program + " >/dev/null\nsed 's/exactly 11 |/exactly 10 |/' slo/flaky.feature >slo/calm\nmv slo/calm slo/flaky.feature\n" +
		o.program + " -test.run TestSLO/chat/slo/flaky.feature\n"
	for name, tests := range map[string]int{"gotestsum": 4, "other": 2} {
		out := t.TempDir()
		write(t, o.module, "chat/slo/flaky.feature", strings.Replace(quick, "10 |", "11 |", 1))
		program := filepath.Join(programs, name)
		require.NoError(t, os.WriteFile(program, []byte(twice), 0o755))
		command := exec.Command(program, "--rerun-fails=1")
		command.Dir, command.Env = o.module, append(os.Environ(), "VLLMSPEC_OUT="+out)
		said, err := command.CombinedOutput()
		require.NoError(t, err, "%s", said)
		assert.Equal(t, tests, junitIn(t, out).Tests, name)
		if name == "gotestsum" {
			raw, err := os.ReadFile(filepath.Join(out, "junit.xml"))
			require.NoError(t, err)
			assert.Equal(t, 2, strings.Count(string(raw), `<property name="tries" value="2">`))
			assert.Regexp(t, `try 1, [^ ]*: failed: Missed`, string(raw))
			assert.Equal(t, 1, junitIn(t, out).Failures)
		}
	}
}

// isEndedWithGo ends go as CI systems do, by SIGTERM to it alone: what it has started stores what it
// has measured, when no program reads its output.
func (o own) isEndedWithGo(t *testing.T) {
	out, asked, hang := t.TempDir(), make(chan struct{}), make(chan struct{})
	var once sync.Once
	mock, err := mockvllm.New(mockvllm.Config{Profile: mockvllm.Profiles()[0]})
	require.NoError(t, err)
	mock.Start()
	defer mock.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" { // the load is about to begin
			once.Do(func() { close(asked) })
			select {
			case <-hang:
			case <-r.Context().Done():
			}
			return
		}
		mock.ServeHTTP(w, r)
	}))
	defer server.Close()
	defer close(hang)
	long := strings.Replace(quick, "10 requests", "1,000 requests", 1)
	write(t, o.module, "chat/slo/long.feature", long)
	defer os.Remove(filepath.Join(o.module, "chat/slo/long.feature"))
	command := exec.Command("go", "test", "./chat", "-godog.tags=@quick")
	command.Dir, command.Env = o.module, append(os.Environ(), "PWD="+o.module, "GOFLAGS=-mod=mod -vet=off", "VLLMSPEC_OUT="+out, "VLLM_URL="+server.URL, "VLLMSPEC_FEATURES=chat/slo/long.feature", "VLLMSPEC_UNKNOWN=warn", "VLLMSPEC_DASHBOARD=off")
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	require.NoError(t, err)
	defer said.Close()
	command.Stdout, command.Stderr = said, said
	require.NoError(t, command.Start())
	select {
	case <-asked:
	case <-time.After(3 * time.Minute):
		raw, _ := os.ReadFile(said.Name())
		require.Fail(t, "no load begins", "%s", raw)
	}
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.Error(t, command.Wait())
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(out, "junit.xml")); return err == nil }, time.Minute, 10*time.Millisecond)
	require.Eventually(t, func() bool { return len(processesWith("VLLMSPEC_OUT="+out)) == 0 }, time.Minute, 10*time.Millisecond, "the test binary ends too")
	raw, err := os.ReadFile(filepath.Join(out, "junit.xml"))
	require.NoError(t, err)
	assert.Contains(t, string(raw), "interrupted by the end of the go test that had started it")
	assert.NotContains(t, string(raw), `status="passed"`)
}

// processesWith are the processes that run and have a variable, as Linux lists them.
func processesWith(variable string) (all []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		raw, _ := os.ReadFile(file) // nothing of one that has ended
		if slices.Contains(strings.Split(string(raw), "\x00"), variable) {
			name, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			all = append(all, filepath.Dir(file)+" "+strings.ReplaceAll(string(name), "\x00", " "))
		}
	}
	return all
}

func TestRun_gathersResultsOfOneGoTest(t *testing.T) {
	module, out := ownModule(t), t.TempDir()
	write(t, module, "batch/batch_test.go", strings.Replace(threeLines, "%", "batch", 1), "batch/slo/quick.feature", quick, "batch/prompts.jsonl", strings.Repeat(`{"prompt": "Hi"}`+"\n", 20))
	said, passed := goTest(t, module, []string{"VLLMSPEC_OUT=" + out}, "-count=2", "./...")
	require.False(t, passed, said)
	read := junitIn(t, out)
	assert.Equal(t, 8, read.Tests, "two packages, two scenarios, two times: %s", said)
	assert.Equal(t, 4, read.Failures)
	names := map[string]bool{}
	for _, c := range read.Cases {
		names[c.File+" "+c.Name] = true
	}
	assert.Len(t, names, 8)
	assert.Contains(t, names, "batch/slo/quick.feature One (run 2)")

	said, passed = goTest(t, module, []string{"VLLMSPEC_OUT=" + out, "GODOG_TAGS=@quick"}, "./chat")
	require.True(t, passed, said)
	assert.Equal(t, 1, junitIn(t, out).Tests, "what an earlier go test left is no result of this one")
}

// everything is what is in a folder: names, sizes and times.
func everything(t *testing.T, folder string) (all []string) {
	t.Helper()
	require.NoError(t, filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		all = append(all, path+" "+info.ModTime().String())
		return err
	}))
	return all
}

func TestRun_choosesScenariosAsTests(t *testing.T) {
	for _, c := range []struct {
		run, skip, feature, scenario string
		wanted                       bool
	}{
		{"", "", "slo/a.feature", "One", true},
		{"TestSLO", "", "slo/a.feature", "One", true},
		{"TestSLO/slo/a.feature", "", "slo/a.feature", "One", true},
		{"TestSLO/slo/a.feature/One", "", "slo/a.feature", "One", true},
		{"TestSLO/slo/a.feature/One", "", "slo/a.feature", "Two", false},
		{"^TestSLO$/^slo$/^a.feature$/^A_day's_traffic$", "", "slo/a.feature", "A day's traffic", true},
		{"TestSLO/slo/a.feature/One|TestSLO/slo/b.feature/Two", "", "slo/b.feature", "Two", true},
		{"TestSLO/slo/a.feature/One|TestSLO/slo/b.feature/Two", "", "slo/b.feature", "One", false},
		{"TestSLO/slo/a.feature/(One|Two/Three)", "", "slo/a.feature", "Two", false},
		{"TestSLO/slo/a.feature/[/]", "", "slo/a.feature", "Two", false},
		{"TestSLO/slo/b.feature/One", "", "slo/a.feature", "Two", true}, // go test does not run it
		{"", "TestSLO/slo/a.feature/One", "slo/a.feature", "One", false},
		{"", "TestSLO/slo/a.feature/One", "slo/a.feature", "Two", true},
		{"", "TestSLO/slo/a.feature", "slo/a.feature", "Two", true}, // likewise
	} {
		assert.Equal(t, c.wanted, scenarios("TestSLO", c.run, c.skip)(c.feature, c.scenario), "%+v", c)
	}
}
