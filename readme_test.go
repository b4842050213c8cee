package vllmspec_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A command is one that a document shows.
type command struct {
	from  string
	vars  []string // NAME=value before it
	words []string
}

func (c command) String() string { return c.from + ": " + strings.Join(c.words, " ") }

// shown are the commands of the documents: those in blocks for a shell or for a pipeline, and those within sentences.
func shown(t *testing.T) (all []command) {
	t.Helper()
	inline := regexp.MustCompile("`([^`\n]+)`")
	pipeline := regexp.MustCompile(`^\s*(?:- )?(?:run: )?`)
	for _, document := range pages(t) {
		switch document {
		case "CHANGELOG.md", "steps/vocabulary.md":
			continue // changes of before, and sentences
		}
		for _, l := range linesOf(t, document) {
			texts := []string{l.text}
			switch l.language {
			case "sh":
			case "yaml":
				texts[0] = pipeline.ReplaceAllString(l.text, "")
			case "":
				texts = nil
				for _, found := range inline.FindAllStringSubmatch(l.text, -1) {
					texts = append(texts, found[1])
				}
			default:
				continue
			}
			for _, text := range texts {
				if c := commandOf(document, text); c.words != nil {
					all = append(all, c)
				}
			}
		}
	}
	return all
}

var (
	word     = regexp.MustCompile(`(?:[^\s'"]|'[^']*'|"[^"]*")+`)
	variable = regexp.MustCompile(`^[A-Z][A-Z0-9_]*=`)
)

// commandOf reads a line; no words where it is none of the commands that are checked.
func commandOf(document, line string) (c command) {
	c.from = document
	for _, w := range word.FindAllString(line, -1) {
		if strings.HasPrefix(w, "#") {
			break
		}
		if c.words == nil && (variable.MatchString(w) || w == "export") {
			c.vars = append(c.vars, w)
			continue
		}
		c.words = append(c.words, strings.NewReplacer("'", "", `"`, "").Replace(w))
	}
	if c.words == nil || !slices.Contains([]string{"go", "make", "vllmspec", "benchstat"}, c.words[0]) || len(c.words) < 2 {
		c.words = nil
	}
	return c
}

func TestDocuments_commandsExist(t *testing.T) {
	all, program := shown(t), theProgram(t)
	require.Greater(t, len(all), 40)
	targets := regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(readFile(t, "Makefile"), -1)
	for _, c := range all {
		for _, v := range c.vars {
			name, _, _ := strings.Cut(v, "=")
			if c.words != nil && c.words[0] == "make" {
				assert.Contains(t, readFile(t, "Makefile")+readFile(t, "tools/fuzz"), name, "%s", c)
			} else if v != "export" {
				assert.Contains(t, readFile(t, "internal/environment/variables.go"), `"`+name+`"`, "%s", c)
			}
		}
		switch {
		case c.words[0] == "make":
			assert.True(t, slices.ContainsFunc(targets, func(m []string) bool { return m[1] == c.words[1] }), "%s: no such target", c)
		case c.words[0] == "benchstat":
			assert.Fail(t, "benchstat is not installed: go run golang.org/x/perf/cmd/benchstat", "%s", c)
		case c.words[0] == "vllmspec":
			subcommandExists(t, program, c, c.words[1:])
		case c.words[1] == "run" && c.words[2] == "./cmd/vllmspec":
			subcommandExists(t, program, c, c.words[3:])
		case c.words[1] == "run":
			programExists(t, c, c.words[2], c.words[3:])
		case c.words[1] == "test":
			testsExist(t, c)
		}
	}
}

// sourceOf is the Go source of a folder, and of the tests in it; with /... also of the folders in it.
func sourceOf(t *testing.T, folder string) string {
	t.Helper()
	if root, all := strings.CutSuffix(folder, "/..."); all {
		text := ""
		require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				text += sourceOf(t, path)
			}
			return err
		}))
		return text
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	text := ""
	for _, file := range files {
		text += readFile(t, file)
	}
	return text
}

// programExists checks a program of ours, the words that it takes and its flags.
func programExists(t *testing.T, c command, folder string, args []string) {
	t.Helper()
	if !strings.HasPrefix(folder, "./") {
		return // another one's; that of benchstat is run below
	}
	source := sourceOf(t, folder)
	if !assert.Contains(t, source, "\npackage main\n", "%s", c) {
		return
	}
	if len(args) > 0 && regexp.MustCompile(`^[a-z]+$`).MatchString(args[0]) {
		assert.Contains(t, source, `"`+args[0], "%s: it knows no %q", c, args[0])
	}
	for _, arg := range args {
		if name, found := strings.CutPrefix(arg, "--"); found {
			assert.Contains(t, source, name, "%s", c)
		}
	}
}

// subcommandExists checks a subcommand of vllmspec by its own help, which has its flags.
func subcommandExists(t *testing.T, program string, c command, args []string) {
	t.Helper()
	help, err := exec.Command(program, args[0], "-h").Output()
	if !assert.NoError(t, err, "%s", c) {
		return
	}
	for _, arg := range args[1:] {
		if name, found := strings.CutPrefix(arg, "--"); found {
			name, _, _ = strings.Cut(name, "=")
			assert.Contains(t, string(help), "--"+name+" ", "%s: its help has no such flag", c)
		}
	}
}

// theProgram is the command vllmspec, built for a test.
func theProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vllmspec")
	out, err := exec.Command("go", "build", "-o", path, "./cmd/vllmspec").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// A testCommand is a go test, taken apart.
type testCommand struct {
	packages []string
	flags    map[string]string
}

// goTestFlags are those that go test itself has, and ownFlags those of our tests; true where a value follows.
var (
	goTestFlags = map[string]bool{"-v": false, "-run": true, "-bench": true, "-benchtime": true, "-timeout": true, "-count": true}
	ownFlags    = map[string]bool{"-update": false, "-refit": false, "-record": false, "-seeds": true, "-godog.tags": true}
)

// readTest takes the words after go test apart as go test does: packages stand together, and before every flag that it does not have
// itself. What stands behind is an argument of the tests, and the package is that of the folder that it is run in.
func readTest(words []string) (c testCommand, err error) {
	c.flags = map[string]string{}
	own, ended, isGo := "", false, false
	for i := 0; i < len(words); i++ {
		name, value, valued := strings.Cut(words[i], "=")
		if !strings.HasPrefix(name, "-") {
			switch {
			case own != "":
				return c, fmt.Errorf("%s stands behind %s, a flag that go test does not have, and so is no package: put it first", name, own)
			case ended:
				return c, fmt.Errorf("%s does not stand beside the other packages", name)
			}
			c.packages = append(c.packages, name)
			continue
		}
		takes, isOwn := ownFlags[name]
		if isOwn {
			own = name
		} else if takes, isGo = goTestFlags[name]; !isGo {
			return c, fmt.Errorf("%s is a flag of neither go test nor our tests", name)
		}
		ended = len(c.packages) > 0
		if takes && !valued {
			if i++; i == len(words) {
				return c, fmt.Errorf("%s has no value", name)
			}
			value = words[i]
		}
		c.flags[name] = value
	}
	return c, nil
}

func TestReadTest_packagesStandFirst(t *testing.T) {
	for words, says := range map[string]string{
		"./a ./b -run X -update":   "",
		"-v -run X -count=1 ./a":   "",
		"-v ./a -run X -seeds 100": "",
		". -update":                "",
		"-run X -seeds 100 ./a":    "./a stands behind -seeds",
		"-run X -refit ./a":        "./a stands behind -refit",
		"-godog.tags=@vllm ./a":    "./a stands behind -godog.tags",
		"-update .":                ". stands behind -update",
		"./a -v ./b":               "./b does not stand beside the other packages",
		"./a -run":                 "-run has no value",
		"./a -upgrade":             "-upgrade is a flag of neither",
	} {
		c, err := readTest(strings.Fields(words))
		if says == "" {
			require.NoError(t, err, words)
			assert.NotEmpty(t, c.packages, words)
			continue
		}
		assert.ErrorContains(t, err, says, words)
	}
}

// TestSources_adviseCommandsOfTheirPackages reads what messages and comments say of commands: a package stands before a flag of our tests.
func TestSources_adviseCommandsOfTheirPackages(t *testing.T) {
	wrong := regexp.MustCompile(`go test [^"` + "`" + `\n]*-(?:update|refit|record|seeds \d+|godog\.tags=?\S*) (?:[^"` + "`" + `\n]* )?\.(?:/\S*)?(?:["` + "`" + `\s]|$)`)
	require.Regexp(t, wrong, "run go test "+"-run X -update ./a")
	require.NotRegexp(t, wrong, "run go test "+"./a -run X -update. Then")
	read := 0
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "out"):
			return fs.SkipDir
		case !entry.IsDir() && (slices.Contains([]string{".go", ".test", ".feature", ".txt"}, filepath.Ext(path)) || path == "Makefile"):
			assert.Empty(t, wrong.FindAllString(readFile(t, path), -1), "%s", path)
			read++
		}
		return nil
	}))
	assert.Greater(t, read, 500)
}

// testsExist checks the packages, flags and patterns of a go test.
func testsExist(t *testing.T, c command) {
	t.Helper()
	read, err := readTest(c.words[2:])
	if !assert.NoError(t, err, "%s", c) {
		return
	}
	source := ""
	for _, name := range read.packages {
		text := sourceOf(t, name)
		assert.NotEmpty(t, text, "%s: there is no such package", c)
		source += text
	}
	for flag, kind := range map[string]string{"-run": "Test", "-bench": "Benchmark"} {
		pattern, _, _ := strings.Cut(read.flags[flag], "/")
		if pattern == "" || pattern == "xxx" {
			continue
		}
		parts := []string{pattern}
		if !strings.Contains(pattern, "(") {
			parts = strings.Split(pattern, "|") // each is to find one
		}
		for _, part := range parts {
			assert.Regexp(t, `func `+kind+`\w*(?:`+strings.TrimPrefix(part, kind)+`)`, source, "%s: no test is called so", c)
		}
	}
	if tag := read.flags["-godog.tags"]; tag != "" {
		assert.NoError(t, exec.Command("grep", "-rqw", "--", tag, "features", "proofs").Run(), "%s: no scenario has that tag", c)
	}
	for name := range ownFlags {
		if _, given := read.flags[name]; given && name != "-godog.tags" {
			assert.Contains(t, source, `"`+name[1:]+`"`, "%s: no such flag", c)
		}
	}
}

func TestDocuments_filesExist(t *testing.T) {
	ours := regexp.MustCompile(`^(?:\./)?(?:features|proofs|docs|fixtures|steps|harness|reports|mockvllm|deploy|tools)/[\w./-]+$`)
	for _, c := range shown(t) {
		for _, w := range append(slices.Clone(c.vars), c.words...) {
			if _, value, found := strings.Cut(w, "="); found {
				w = value
			}
			if ours.MatchString(w) && !strings.HasPrefix(w, "reports/out") && !strings.Contains(w, "/baselines/") {
				assert.True(t, exists(strings.TrimSuffix(w, "/...")), "%s: there is no %s", c, w)
			}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestDocuments_cheapCommandsRun runs those that measure nothing.
func TestDocuments_cheapCommandsRun(t *testing.T) {
	program, ran := theProgram(t), 0
	for _, c := range shown(t) {
		line := strings.Join(c.words, " ")
		if !strings.HasPrefix(line, "go doc ") && !strings.HasSuffix(line, "--profiles") && !strings.HasSuffix(line, "--faults") {
			continue
		}
		words := slices.Clone(c.words)
		if words[0] == "vllmspec" {
			words[0] = program
		}
		said, err := exec.Command(words[0], words[1:]...).CombinedOutput()
		assert.NoError(t, err, "%s: %s", c, said)
		assert.NotEmpty(t, said)
		ran++
	}
	assert.GreaterOrEqual(t, ran, 2, "--profiles and --faults at least")
}

// TestDocuments_benchstatCommandRuns runs it on files that lie as the command says, with "…" for the rest of a run's name.
func TestDocuments_benchstatCommandRuns(t *testing.T) {
	const program = "golang.org/x/perf/cmd/benchstat"
	binary, root, ran := filepath.Join(t.TempDir(), "benchstat"), t.TempDir(), 0
	said, err := exec.Command("go", "build", "-o", binary, program).CombinedOutput()
	require.NoError(t, err, "%s", said)
	for _, c := range shown(t) {
		if len(c.words) < 4 || c.words[2] != program {
			continue
		}
		var args []string
		for _, arg := range c.words[3:] {
			arg = strings.ReplaceAll(arg, "…", "20261123T221503Z-chat")
			_, path, labelled := strings.Cut(arg, "=")
			require.True(t, labelled, "%s: benchstat takes LABEL=PATH", c)
			require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(root, path), []byte(strings.Repeat("BenchmarkChat 100 0.4 p99-TTFT-sec\n", 6)), 0o644))
			args = append(args, arg)
		}
		run := exec.Command(binary, args...)
		run.Dir = root
		said, err := run.CombinedOutput()
		assert.NoError(t, err, "%s: %s", c, said)
		assert.Contains(t, string(said), "p=1.000 n=6")
		ran++
	}
	assert.Equal(t, 1, ran)
}
