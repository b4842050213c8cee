package features_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/features"
)

// TestTest_featuresThatTeachGoToTheBucket has a store that says no, which is an error before anything runs.
func TestTest_featuresThatTeachGoToTheBucket(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, "<Error><Code>NoSuchBucket</Code></Error>")
	}))
	t.Cleanup(store.Close)
	var out, complaints bytes.Buffer
	call := command.Call{Args: []string{"test", "features/completions.feature"}, Dir: t.TempDir(), Out: &out, Err: &complaints, Bubble: func(run func()) { run() },
		Environ: []string{"VLLMSPEC_OUT=s3://absent/ci", "AWS_ENDPOINT_URL_S3=" + store.URL, "AWS_REGION=here", "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=of-the-store"}}
	assert.Equal(t, command.Wrong, command.Table{features.TestCommand()}.Run(call), "%s", &out)
	assert.Contains(t, complaints.String(), "there is no bucket absent")
}
