package server_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/server"
)

const image = "vllmspec/mockvllm"

// ours are the containers that this test has here: other packages' tests may have some
// at the same time. Whose they are says the file in the owner's folder of temporary ones.
func ours(t *testing.T) (ids []string) {
	t.Helper()
	out, err := exec.Command("docker", "ps", "--all", "--format", `{{.ID}} {{.Label "org.vllmspec.owner"}}`).Output()
	require.NoError(t, err)
	test, _, _ := strings.Cut(t.Name(), "/")
	for line := range strings.Lines(string(out)) {
		if id, owner, _ := strings.Cut(strings.TrimSpace(line), " "); strings.Contains(owner, test) {
			ids = append(ids, id)
		}
	}
	return ids
}

func boxed(t *testing.T) server.Launch {
	t.Helper()
	if out, err := exec.Command("docker", "image", "inspect", image).CombinedOutput(); err != nil {
		t.Skipf("the mock's image cannot be used (%s); to run this test: install Docker (apt install docker.io), then make image", bytes.TrimSpace(out))
	}
	t.Setenv("TMPDIR", t.TempDir())
	l := launch(t)
	l.Image, l.Environ = image, append(l.Environ, "HF_HOME="+t.TempDir())
	return l
}

func TestContainer_isStartedAndRemoved(t *testing.T) {
	l := boxed(t)
	l.Args = []string{"--max-model-len", "2048"}
	s, err := server.Start(t.Context(), l)
	require.NoError(t, err)
	assert.Equal(t, 200, health(t, s))
	assert.Len(t, ours(t), 1)
	assert.Contains(t, s.URL, "http://127.0.0.1:", "nobody else can reach it")
	out, err := exec.Command("docker", "inspect", "--format", "{{.Config.User}} {{.HostConfig.ShmSize}}", ours(t)[0]).Output()
	require.NoError(t, err)
	assert.Equal(t, "65532:65532 17179869184\n", string(out))
	written, err := s.LogSince(0)
	require.NoError(t, err)
	assert.Contains(t, string(written), s.URL)
	s.Close()
	assert.Empty(t, ours(t))
}

func TestContainer_thatDoesNotServeSaysWhy(t *testing.T) {
	for says, change := range map[string]func(*server.Launch){
		"it does not know a flag of VLLM_ARGS":                   func(l *server.Launch) { l.Args = []string{"--no-such-flag"} },
		"the image vllmspec/nowhere:1 is ":                       func(l *server.Launch) { l.Image = "vllmspec/nowhere:1" },
		"is no name of an image; write vllm/vllm-openai:v0.32.0": func(l *server.Launch) { l.Image = "No Such Image" },
		"was not ready within 1s":                                func(l *server.Launch) { l.Args, l.Within = []string{"--fault", "dead"}, time.Second },
	} {
		l := boxed(t)
		change(&l)
		_, err := server.Start(t.Context(), l)
		require.ErrorContains(t, err, says)
		assert.Empty(t, ours(t))
	}
}

func TestContainer_leavesNothing(t *testing.T) {
	boxed(t)
	t.Run("when the test is killed", func(t *testing.T) {
		killed(t, "SERVER_TEST_START=x", "SERVER_TEST_IMAGE="+image, "HF_HOME="+t.TempDir())
		assert.Eventually(t, func() bool { return len(ours(t)) == 0 }, 20*time.Second, 100*time.Millisecond)
	})
	t.Run("when it is killed where no docker can be called", func(t *testing.T) {
		killed(t, "SERVER_TEST_START=x", "SERVER_TEST_IMAGE="+image, "HF_HOME="+t.TempDir(), "PATH=/nowhere")
		assert.Eventually(t, func() bool { return len(ours(t)) == 0 }, 20*time.Second, 100*time.Millisecond)
	})
	t.Run("when it is killed, and its guard before", func(t *testing.T) {
		killed(t, "SERVER_TEST_START=x", "SERVER_TEST_IMAGE="+image, "HF_HOME="+t.TempDir(), "SERVER_TEST_UNGUARDED=yes")
		left := ours(t) // until the next start
		require.Len(t, left, 1)
		s, err := server.Start(t.Context(), boxed(t))
		require.NoError(t, err)
		defer s.Close()
		assert.NotContains(t, ours(t), left[0])
		assert.Len(t, ours(t), 1, "one that is used is left alone")
	})
}

func TestContainer_withoutDockerSaysSo(t *testing.T) {
	again := exec.Command("env", "-i", "PATH=/nowhere", "HOME="+t.TempDir(), "DOCKER_HOST=unix:///nowhere/docker.sock", "SERVER_TEST_START=x", "SERVER_TEST_IMAGE="+image, "TMPDIR="+t.TempDir(), os.Args[0])
	out, err := again.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "VLLM_IMAGE needs Docker, and none can be reached")
	assert.Contains(t, string(out), "apt install docker.io")
}
