package openai_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

// recorded answers what a real vLLM answered.
func recorded(t *testing.T, name string) http.HandlerFunc {
	t.Helper()
	paths, err := filepath.Glob("../../fixtures/recordings/*/" + name + ".txt")
	require.NoError(t, err)
	require.Len(t, paths, 1)
	raw, err := os.ReadFile(paths[0])
	require.NoError(t, err)
	head, body, _ := strings.Cut(string(raw), "\n\n")
	lines := strings.Split(head, "\n")
	status, err := strconv.Atoi(strings.TrimPrefix(lines[1], "HTTP "))
	require.NoError(t, err)
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range lines[2:] {
			if kind, ok := strings.CutPrefix(line, "Content-Type: "); ok {
				w.Header().Set("Content-Type", kind)
			}
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestStream_ofARealServerIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		prompt, output, cached int
		finish                 string
	}{
		"ids":            {100, 8, 0, "length"},
		"ids-cached":     {100, 8, 96, "length"},
		"ids-chunked":    {3000, 2, 0, "length"},
		"ids-one-token":  {10, 1, 0, "length"},
		"ids-continuous": {10, 3, 0, "length"},
		"ids-told":       {5, 3, 0, "length"},
		"text-logprobs":  {7, 4, 0, "length"},
		"chat":           {21, 4, 0, "length"},
		"chat-running":   {21, 4, 0, "length"},
		"chat-logprobs":  {21, 4, 0, "length"},
		"chat-turns":     {54, 4, 0, "length"},
		"chat-told":      {21, 4, 0, "length"},
		"text-no-usage":  {harness.Unreported, harness.Unreported, harness.Unreported, "length"},
		"chat-no-usage":  {harness.Unreported, harness.Unreported, harness.Unreported, "length"},
		"ids-block":      {64, 3, 32, "length"},
		"ids-cold":       {100, 3, 0, "length"},
		"chat-stop":      {21, 0, 0, "stop"},
		"text-stop":      {7, 0, 0, "stop"},
	} {
		t.Run(name, func(t *testing.T) {
			chunks, err := follow(serve(t, recorded(t, name)), hello)
			require.NoError(t, err)
			usage, finish, text := harness.Usage{PromptTokens: harness.Unreported, OutputTokens: harness.Unreported, CachedTokens: harness.Unreported}, "", ""
			for _, chunk := range chunks {
				text += chunk.Text
				if chunk.Usage != nil {
					usage = *chunk.Usage
				}
				if chunk.Finish != "" {
					finish = chunk.Finish
				}
			}
			assert.Equal(t, c.finish, finish)
			assert.NotEmpty(t, text)
			assert.Equal(t, c.prompt, usage.PromptTokens)
			assert.Equal(t, c.cached, usage.CachedTokens)
			if c.output != 0 { // where it stopped was chance
				assert.Equal(t, c.output, usage.OutputTokens)
			}
		})
	}
}

func TestErrors_ofARealServerAreUnderstood(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		says   string
	}{
		"error-unknown-model":      {404, "The model `gpt` does not exist."},
		"error-prompt-too-long":    {400, "maximum context length is 4096 tokens"},
		"error-bad-key":            {401, "Unauthorized"},
		"error-unknown-route":      {404, "Not Found"},
		"error-not-json":           {400, "JSON decode error"},
		"error-wrong-content-type": {400, "Unsupported Media Type"},
		"error-wrong-method":       {405, "Method Not Allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := follow(serve(t, recorded(t, name)), hello)
			var asked *harness.AskError
			require.ErrorAs(t, err, &asked)
			assert.Equal(t, c.status, asked.HTTPStatus)
			assert.ErrorContains(t, err, c.says)
		})
	}
}
