package open

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/command"
)

func shown(dir string, environ []string, args ...string) (code int, out, complaints string) {
	var o, e bytes.Buffer
	code = command.Table{Command()}.Run(command.Call{Args: append([]string{"open"}, args...), Dir: dir, Environ: environ, Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func page(t *testing.T, path ...string) string {
	t.Helper()
	at := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
	require.NoError(t, os.WriteFile(at, nil, 0o644))
	return at
}

func TestOpen_findsTheReport(t *testing.T) {
	dir := t.TempDir()
	code, _, complaints := shown(dir, nil)
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "there are no runs yet in "+filepath.Join(dir, "reports", "out"))

	out := filepath.Join(dir, "reports", "out")
	first := page(t, out, "run=20260101T000000Z-a", "report.html")
	newest := page(t, out, "run=20260102T000000Z-b", "report.html")
	require.NoError(t, os.Mkdir(filepath.Join(out, "run=20260103T000000Z-no-page"), 0o755))
	index := page(t, out, "index.html")
	for path, args := range map[string][]string{newest: nil, index: {"--index"}, first: {filepath.Dir(first)}} {
		code, said, _ := shown(dir, nil, args...)
		assert.Equal(t, command.OK, code)
		assert.Equal(t, path+"\n", said)
	}
	require.NoError(t, os.Symlink(filepath.Base(filepath.Dir(first)), filepath.Join(out, "latest")))
	_, said, _ := shown(dir, nil)
	assert.Equal(t, first+"\n", said, "the link says which run was the last")

	elsewhere := page(t, dir, "else", "run=x", "report.html")
	_, said, _ = shown(dir, []string{"VLLMSPEC_OUT=else"})
	assert.Equal(t, elsewhere+"\n", said)
	code, _, complaints = shown(dir, nil, "run=none")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "there is no report")
	code, _, _ = shown(dir, nil, "a", "b")
	assert.Equal(t, command.Wrong, code)
}

func TestOpener_onlyWhereThereIsADisplay(t *testing.T) {
	assert.Nil(t, opener("linux", nil))
	assert.Equal(t, []string{"xdg-open"}, opener("linux", []string{"DISPLAY=:0"}))
	assert.Equal(t, []string{"xdg-open"}, opener("linux", []string{"WAYLAND_DISPLAY=wayland-0"}))
	assert.Equal(t, []string{"open"}, opener("darwin", nil))
	assert.Nil(t, opener("darwin", []string{"CI=true"}))
	assert.False(t, Show(nil, "x"))
}
