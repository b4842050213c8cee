package start_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/start"
)

// begin runs init in a folder.
func begin(dir string, args ...string) (code int, out, complaints string) {
	return beginIn(nil, dir, args...)
}

// beginIn runs init in a folder, with variables.
func beginIn(environ []string, dir string, args ...string) (code int, out, complaints string) {
	var o, e bytes.Buffer
	code = command.Table{start.Command()}.Run(command.Call{Args: append([]string{"init"}, args...), Dir: dir, Environ: environ, Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// in are the files in a folder.
func in(t *testing.T, folder string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(folder, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	}))
	return names
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}

func TestInit_inAModule(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/own\n"), 0o644))
	code, out, _ := begin(dir)
	assert.Equal(t, command.OK, code)
	assert.Equal(t, []string{".github/workflows/slo.yml", "go.mod", "slo/chat.feature", "slo/slo_test.go"}, in(t, dir))
	assert.Contains(t, out, "written  slo/chat.feature\nwritten  slo/slo_test.go\nwritten  .github/workflows/slo.yml\n")
	assert.Contains(t, out, "\n  go get github.com/vllmspec/vllmspec\n  go test -v ./slo\n")
	assert.NotContains(t, out, "go mod init")
	assert.Contains(t, read(t, filepath.Join(dir, "slo/slo_test.go")), `func TestSLO(t *testing.T) { vllmspec.Run(t, ".") }`)
	pipeline := read(t, filepath.Join(dir, ".github/workflows/slo.yml"))
	assert.Contains(t, pipeline, "working-directory: .\n")
	assert.Contains(t, pipeline, "      - run: go test -timeout 30m ./slo\n")
	assert.Contains(t, pipeline, "on a mock of vLLM")
	live := strings.NewReplacer("        # env:", "        env:", "        #   ", "          ").Replace(pipeline)
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Env map[string]string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(live), &workflow))
	assert.Equal(t, "live", workflow.Jobs["slo"].Steps[2].Env["VLLMSPEC_TARGET"])
	assert.Equal(t, "${{ vars.VLLM_URL }}", workflow.Jobs["slo"].Steps[2].Env["VLLM_URL"])
	assert.NotRegexp(t, "FOLDER|COMMAND", pipeline)
}

func TestInit_overwritesNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "slo"), 0o755))
	mine := filepath.Join(dir, "slo", "chat.feature")
	require.NoError(t, os.WriteFile(mine, []byte("mine"), 0o644))
	code, out, _ := begin(dir, "--ci", "none")
	assert.Equal(t, command.OK, code)
	assert.Contains(t, out, "exists   slo/chat.feature\n")
	assert.Equal(t, "mine", read(t, mine))
	assert.NotContains(t, strings.Join(in(t, dir), " "), "yml")
}

func TestInit_withoutGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".git"), 0o755))
	code, out, _ := begin(dir, "services/chat", "--ci=gitlab")
	assert.Equal(t, command.OK, code)
	assert.Equal(t, []string{".gitlab-ci.yml", "services/chat/slo/chat.feature"}, in(t, dir))
	assert.Contains(t, out, "\n  cd services/chat\n  vllmspec test slo\n")
	assert.Contains(t, out, "vllmspec test slo --url http://127.0.0.1:8000")
	pipeline := read(t, filepath.Join(dir, ".gitlab-ci.yml"))
	assert.Contains(t, pipeline, "    - cd services/chat\n    - go run github.com/vllmspec/vllmspec/cmd/vllmspec@latest test slo --timeout 30m\n")
	assert.Contains(t, pipeline, "  #   VLLMSPEC_TARGET: live")
	assert.Contains(t, pipeline, "junit: services/chat/reports/out/junit.xml")

	_, out, _ = begin(dir, "services/batch", "--ci=gitlab")
	assert.Contains(t, out, "written  .gitlab/slo.yml\n         add to .gitlab-ci.yml: include: [{local: .gitlab/slo.yml}]\n")
}

func TestInit_inTheImage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	code, out, _ := beginIn([]string{"VLLMSPEC_PROGRAM=docker run --rm vllmspec/vllmspec"}, t.TempDir())
	assert.Equal(t, command.OK, code)
	assert.Contains(t, out, "\n  docker run --rm vllmspec/vllmspec test slo\n")
	assert.Contains(t, out, "\n  docker run --rm vllmspec/vllmspec test slo --url http://127.0.0.1:8000 --timeout 30m\n")
}

func TestInit_withAFeatureThatTeaches(t *testing.T) {
	dir := t.TempDir()
	code, out, _ := begin(dir, "--feature", "comparison", "--ci", "none")
	assert.Equal(t, command.OK, code)
	assert.Contains(t, out, "written  slo/comparison.feature\nwritten  slo/baselines/llama-3.1-8b-on-one-h100.txt\n")
	assert.NoFileExists(t, filepath.Join(dir, "slo", "chat.feature"))
	assert.Equal(t, read(t, "../../../features/comparison.feature"), read(t, filepath.Join(dir, "slo", "comparison.feature")))
	code, out, _ = begin(dir, "--feature", "users", "--ci", "none")
	assert.Equal(t, command.OK, code)
	assert.NotContains(t, out, "baselines")
}

func TestInit_mistakes(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	for args, says := range map[string]string{
		"--ci gitlub":    `--ci is "gitlub"; did you mean "github"?`,
		"a b":            "it takes one folder, not 2",
		"--feature user": `no feature "user" comes with vllmspec; did you mean "users"?`,
		"file":           "is a file; name a folder",
		"--cli none":     "there is no flag --cli; did you mean --ci?",
	} {
		code, _, complaints := begin(dir, strings.Fields(args)...)
		assert.Equal(t, command.Wrong, code, args)
		assert.Contains(t, complaints, says, args)
	}
	assert.Equal(t, []string{"file"}, in(t, dir), "nothing is written")
}
