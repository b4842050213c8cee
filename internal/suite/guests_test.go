package suite_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/internal/loopback"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// Software as it comes from its makers stands before the mock, or in its place: what a
// plain client with kept connections does not see as an error is none for us.

// installed is the path of a program, or skips the test.
func installed(t *testing.T, program, how string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("there is no %s here; to run this test: %s", program, how)
	}
	return path
}

// serves starts a program and waits until it answers at the port it was given.
func serves(t *testing.T, port int, command string, args ...string) (url string) {
	t.Helper()
	program := exec.Command(command, args...)
	var said bytes.Buffer
	program.Stdout, program.Stderr = &said, &said
	require.NoError(t, program.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		program.Wait()
	}()
	end := func() {
		program.Process.Kill()
		<-ended
	}
	t.Cleanup(end)
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	for began := time.Now(); !lists(url); time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended: // and what answers here, if anything does, is another
			require.FailNow(t, "it ended", "%s", said.String())
		default:
		}
		if time.Since(began) > 2*time.Minute {
			end()
			require.FailNow(t, "it does not serve", "%s", said.String())
		}
	}
	http.DefaultClient.CloseIdleConnections()
	return url
}

// lists reports whether a server lists its models.
func lists(url string) bool {
	answer, err := http.Get(url + "/v1/models")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := loopback.FreePort()
	require.NoError(t, err)
	return port
}

// configured is a configuration file with what is in place of the words in capitals.
func configured(t *testing.T, name string, words ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "guests", name))
	require.NoError(t, err)
	folder := t.TempDir()
	path := filepath.Join(folder, name)
	text := strings.NewReplacer(append(words, "FOLDER", folder)...).Replace(string(raw))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// mockedFor is the mock over TCP, that others stand before.
func mockedFor(t *testing.T, faults ...mockvllm.Fault) string {
	t.Helper()
	profile, err := mockvllm.ProfileFor("llama-3.1-8b", "one H100")
	require.NoError(t, err)
	mock, err := server.Mock(mockvllm.Config{Profile: profile, Seed: 1, PromptDetails: true, Faults: faults})
	require.NoError(t, err)
	t.Cleanup(func() { mock.Close() })
	require.NoError(t, mock.LoadBegins()) // or it does nothing wrong yet
	return mock.URLs()[0]
}

// guest is a load on the model that a guest serves.
func guest(model, asks, rate, length, rows string) string {
	return fmt.Sprintf(`Feature: X
  Scenario: One
    Given the model %q is being served
    And %s
    And requests arrive evenly at %s per second
    When the load runs for %s
    Then these objectives are met:
      | error rate | none |
%s`, model, asks, rate, length, rows)
}

const tokens = "prompts of 64 tokens are answered in 16 tokens"

func TestGuests_uvicornWithALimitOfConnections(t *testing.T) {
	t.Parallel()
	uvicorn := installed(t, "uvicorn", "pip install uvicorn")
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "chats.jsonl"), []byte(`{"messages": [{"role": "user", "content": "What is a limit?"}]}`+"\n"), 0o644))
	port := freePort(t)
	url := serves(t, port, uvicorn, "--app-dir", filepath.Join("testdata", "guests"), "app:app", "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--limit-concurrency", "10", "--log-level", "error")
	r, err := tryIn(t, root, guest("tiny", `conversations are drawn from "chats.jsonl"
    And answers are at most 4 tokens long
    And at most 6 requests are in flight`, "10", "3 seconds", ""), "VLLM_URL="+url)
	require.NoError(t, err)
	assert.True(t, r.passed, r.output)
}

func TestGuests_nginxWithAndWithoutBuffers(t *testing.T) {
	t.Parallel()
	nginx := installed(t, "nginx", "apt install nginx-light")
	for buffering, says := range map[string]string{"off": "", "on": "proxy_buffering off"} {
		t.Run(buffering, func(t *testing.T) {
			port := freePort(t)
			config := configured(t, "nginx.conf", "PORT", fmt.Sprint(port), "SERVER", mockedFor(t), "BUFFERING", buffering)
			url := serves(t, port, nginx, "-c", config, "-p", filepath.Dir(config), "-e", "stderr")
			r := feature(t, guest("llama-3.1-8b", tokens, "20", "3 seconds", "      | p50 TPOT | at most 500 ms |\n"), "VLLM_URL="+url)
			assert.NotContains(t, r.output, "✗ missed", r.output)
			if says != "" {
				assert.Contains(t, r.output, says)
			}
		})
	}
}

func TestGuests_HAProxyWithShortTimeouts(t *testing.T) {
	t.Parallel()
	haproxy := installed(t, "haproxy", "apt install haproxy")
	for name, test := range map[string]struct {
		faults []mockvllm.Fault
		rate   string
		length string
		passes bool
		says   string
	}{
		"connections that it closes while they are idle": {nil, "0.4", "4 requests", true, ""},
		"an answer that stands still for longer":         {[]mockvllm.Fault{{Kind: mockvllm.Stall, Every: 10, Delay: 4 * time.Second}}, "20", "2 seconds", false, "because connections were broken off"},
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			config := configured(t, "haproxy.cfg", "PORT", fmt.Sprint(port), "SERVER", strings.TrimPrefix(mockedFor(t, test.faults...), "http://"))
			url := serves(t, port, haproxy, "-f", config)
			r := feature(t, guest("llama-3.1-8b", tokens, test.rate, test.length, ""), "VLLM_URL="+url)
			assert.Equal(t, test.passes, r.passed, r.output)
			assert.Contains(t, r.output, test.says)
		})
	}
}

// TestGuests_LiteLLMWithAPattern has a gateway that lists no model by its name, chats only in our
// load, and counts its own connections.
func TestGuests_LiteLLMWithAPattern(t *testing.T) {
	t.Parallel()
	litellm := installed(t, "litellm", "pip install 'litellm[proxy]'")
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "chats.jsonl"), []byte(`{"messages": [{"role": "user", "content": "What is a gateway?"}]}`+"\n"), 0o644))
	port := freePort(t)
	config := configured(t, "litellm.yaml", "SERVER", mockedFor(t))
	url := serves(t, port, litellm, "--config", config, "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--telemetry", "False")
	r, err := tryIn(t, root, guest("llama-3.1-8b", `conversations are drawn from "chats.jsonl"
    And answers are at most 16 tokens long`, "5", "3 seconds", ""), "VLLM_URL="+url, "VLLM_MODEL=openai/llama-3.1-8b")
	require.NoError(t, err)
	assert.True(t, r.passed, r.output)
	assert.Contains(t, r.output, `does not serve the model "openai/llama-3.1-8b"`)
}
