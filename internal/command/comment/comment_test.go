package comment

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/command"
)

func called(dir string, environ []string, args ...string) (code int, out, complaints string) {
	var o, e bytes.Buffer
	code = command.Table{Command()}.Run(command.Call{Args: append([]string{"comment"}, args...), Dir: dir, Environ: environ, Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestComment_writesTheSummary(t *testing.T) {
	var sent struct{ Body string }
	forge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Write([]byte("[]"))
			return
		}
		assert.Equal(t, "/repos/o/r/issues/12/comments", r.URL.Path)
		json.NewDecoder(r.Body).Decode(&sent)
	}))
	defer forge.Close()
	environ := []string{"GITHUB_ACTIONS=true", "GITHUB_REF=refs/pull/12/merge", "GITHUB_API_URL=" + forge.URL, "GITHUB_REPOSITORY=o/r", "GITHUB_TOKEN=t", "GITHUB_JOB=slo"}
	dir := t.TempDir()
	code, _, complaints := called(dir, environ)
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "there is no "+filepath.Join(dir, "reports", "out", "summary.md"))

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "nightly"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nightly", "summary.md"), []byte("## Objectives"), 0o644))
	code, _, complaints = called(dir, environ, "--out", "nightly")
	assert.Equal(t, command.OK, code, complaints)
	assert.Equal(t, "<!-- vllmspec: slo -->\n## Objectives", sent.Body)

	code, _, complaints = called(dir, environ, "--out", "nightly", "--name", "h100")
	assert.Equal(t, command.OK, code, complaints)
	assert.Equal(t, "<!-- vllmspec: h100 -->\n## Objectives", sent.Body)

	code, _, complaints = called(dir, environ, "--out", "nightly", "--badge-url", "https://ci.example/badge.svg")
	assert.Equal(t, command.OK, code, complaints)
	assert.Equal(t, "<!-- vllmspec: slo -->\n![SLOs](<https://ci.example/badge.svg>)\n\n## Objectives", sent.Body)
	code, _, complaints = called(dir, environ, "--out", "nightly", "--badge-url", "badge.svg")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "write https://host/badge.svg")

	code, out, _ := called(dir, append(environ, "GITHUB_REF=refs/heads/main"), "--out", "nightly")
	assert.Equal(t, command.OK, code)
	assert.Contains(t, out, "no comment: this runs for no pull request")
	code, _, complaints = called(dir, append(environ, "GITHUB_TOKEN="), "--out", "nightly")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "GITHUB_TOKEN is not set")
	code, _, _ = called(dir, environ, "too", "many")
	assert.Equal(t, command.Wrong, code)
}
