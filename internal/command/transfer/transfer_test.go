package transfer_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/bucket/buckettest"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/transfer"
)

// called is what became of a command in a folder.
func called(dir string, environ []string, args ...string) (code int, out, complaints string) {
	var said, complained bytes.Buffer
	table := command.Table{transfer.UploadCommand(), transfer.DownloadCommand()}
	code = table.Run(command.Call{Args: args, Dir: dir, Environ: environ, Out: &said, Err: &complained})
	return code, said.String(), complained.String()
}

// module is a folder with a go.mod and stored runs.
func module(t *testing.T, runs ...string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n"), 0o600))
	for _, run := range runs {
		at := filepath.Join(dir, "reports", "out", run)
		require.NoError(t, os.MkdirAll(at, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(at, "run.json"), []byte(`"`+run+`"`), 0o600))
	}
	return dir
}

func TestTransfer_thereAndBack(t *testing.T) {
	store := buckettest.Start(t)
	here, elsewhere := module(t, "run=A", "run=B"), module(t)
	code, out, complaints := called(here, store.Variables(), "upload", "reports/out/run=A", "reports/out/run=B", "--to", "s3://runs/ci")
	require.Equal(t, command.OK, code, complaints)
	assert.Equal(t, "s3://runs/ci/run=A\ns3://runs/ci/run=B\n", out)
	_, out, _ = called(elsewhere, store.Variables(), "download", "s3://runs/ci/")
	assert.Equal(t, "s3://runs/ci/run=A\ns3://runs/ci/run=B\n", out)
	code, out, complaints = called(elsewhere, store.Variables(), "download", "s3://runs/ci/run=B")
	require.Equal(t, command.OK, code, complaints)
	assert.Equal(t, filepath.Join(elsewhere, "reports", "out", "run=B")+"\n", out)
	raw, err := os.ReadFile(filepath.Join(elsewhere, "reports", "out", "run=B", "run.json"))
	require.NoError(t, err)
	assert.Equal(t, `"run=B"`, string(raw))
	_, out, _ = called(here, append(store.Variables(), "VLLMSPEC_OUT=s3://runs/ci"), "upload")
	assert.Equal(t, "nothing is left to send to s3://runs/ci\n", out)
	_, out, complaints = called(here, store.Variables(), "download", "s3://runs/none")
	assert.Equal(t, "there are no runs in s3://runs/none\n", complaints)
	assert.Empty(t, out)
}

func TestTransfer_whatIsOwedIsSent(t *testing.T) {
	store := buckettest.Start(t)
	here := module(t, "run=20261201T090000Z-old", "run=20261201T100000Z-A", "run=20261201T110000Z-B")
	owed := filepath.Join(here, "reports", "out", ".unsent")
	require.NoError(t, os.WriteFile(owed, []byte("s3://runs/ci\t20261201T100000Z\ns3://elsewhere\t20261201T090000Z\n"), 0o600))
	code, out, complaints := called(here, append(store.Variables(), "VLLMSPEC_OUT=s3://runs/ci"), "upload")
	require.Equal(t, command.OK, code, complaints)
	assert.Equal(t, "s3://runs/ci/run=20261201T100000Z-A\ns3://runs/ci/run=20261201T110000Z-B\n", out)
	left, err := os.ReadFile(owed)
	require.NoError(t, err)
	assert.Equal(t, "s3://elsewhere\t20261201T090000Z\n", string(left))
}

func TestTransfer_mistakes(t *testing.T) {
	here := module(t, "run=A")
	for args, says := range map[string]string{
		"upload":             "name the bucket: --to s3://bucket/prefix, or VLLMSPEC_OUT",
		"upload --to gs://x": "storage.googleapis.com",
		"upload reports/out/run=C --to s3://runs": "reports/out/run=C is no stored run",
		"download":                                     "it takes the address of a run",
		"download reports/out/run=A":                   "a bucket is written s3://bucket/prefix",
		"download s3://me:topsecret@runs/run=A":        "it holds credentials",
		"upload reports/out/run=A --to s3://runs half": "half is no stored run",
	} {
		code, out, complaints := called(here, []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=topsecret", "AWS_ENDPOINT_URL_S3=http://127.0.0.1:1"}, strings.Fields(args)...)
		assert.Equal(t, command.Wrong, code, args)
		assert.Contains(t, complaints, says, args)
		assert.NotContains(t, complaints, "topsecret", args)
		assert.Empty(t, out, args)
	}
	code, _, complaints := called(here, []string{"AWS_ACCESS_KEY_ID=a"}, "download", "s3://runs/run=A")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "belong together")
}
