package transcripts_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/media"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/transcripts"
)

// stream is as vLLM 0.32 writes it, field by field, of a clip of 3 seconds.
const stream = `data: {"id":"transcribe-88","object":"transcription.chunk","created":1764600000,"choices":[{"delta":{"content":" Good"}}],"model":"whisper"}

data: {"id":"transcribe-88","object":"transcription.chunk","created":1764600000,"choices":[{"delta":{"content":" morning"}}],"model":"whisper"}

data: {"id":"transcribe-88","object":"transcription.chunk","created":1764600000,"choices":[{"delta":{"content":""},"finish_reason":"stop","stop_reason":null}],"model":"whisper"}

data: {"id":"transcribe-88","object":"transcription.chunk","created":1764600000,"choices":[],"model":"whisper","usage":{"prompt_tokens":304,"total_tokens":307,"completion_tokens":3}}

data: [DONE]

`

// A form is what a server was asked.
type form struct {
	path   string
	fields map[string][]string
	file   []byte
}

// answering is a client of a server that answers a body, and the form that it was asked with.
func answering(t *testing.T, kind, body string) (*transcripts.Client, <-chan form) {
	forms := make(chan form, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked form
		file, _, err := r.FormFile("file")
		if assert.NoError(t, err) {
			asked.file, err = io.ReadAll(file)
			assert.NoError(t, err)
		}
		asked.path, asked.fields = r.URL.Path, maps.Clone(r.MultipartForm.Value)
		forms <- asked
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	c := &transcripts.Client{Client: &openai.Client{Endpoint: client.Endpoint{URL: server.URL}, Model: "whisper"}}
	t.Cleanup(c.Close)
	return c, forms
}

var clip = harness.Medium{Kind: harness.Clip, Length: 3 * time.Second, Seed: 5}

func ask(c harness.Client) (text, finish string, usage *harness.Usage, err error) {
	for chunk, bad := range c.Ask(context.Background(), harness.Prompt{Media: []harness.Medium{clip}, MaxTokens: 64, CacheSalt: "run 7"}) {
		if bad != nil {
			return text, finish, usage, bad
		}
		text += chunk.Text
		finish += chunk.Finish
		if chunk.Usage != nil {
			usage = chunk.Usage
		}
	}
	return text, finish, usage, nil
}

func TestClient_asksForAStream(t *testing.T) {
	c, forms := answering(t, "text/event-stream; charset=utf-8", stream)
	text, finish, usage, err := ask(c)
	require.NoError(t, err)
	assert.Equal(t, " Good morning", text)
	assert.Equal(t, "stop", finish)
	assert.Equal(t, []int{304, 3}, []int{usage.PromptTokens, usage.OutputTokens})

	asked := <-forms
	assert.Equal(t, transcripts.Transcriptions, asked.path)
	assert.Equal(t, map[string][]string{"model": {"whisper"}, "language": {"en"}, "response_format": {"json"}, "stream": {"true"}, "stream_include_usage": {"true"}, "max_completion_tokens": {"64"}}, asked.fields)
	assert.True(t, bytes.Equal(media.Make(clip, "run 7"), asked.file), "the clip comes as it was made")
}

func TestClient_aStreamThatIsCutIsNeverWhole(t *testing.T) {
	end := strings.Index(stream, `,"usage"`)
	for cut := 1; cut < end-200; cut += 13 {
		c, _ := answering(t, "text/event-stream", stream[:cut])
		_, finish, _, err := ask(c)
		require.True(t, err != nil || finish == "", "after %d bytes", cut)
		require.Error(t, err, "after %d bytes", cut)
	}
}

func TestClient_asksForATranscriptInOnePiece(t *testing.T) {
	c, forms := answering(t, "application/json", `{"text":" Good morning","usage":{"type":"duration","seconds":3}}`)
	c.AtOnce, c.Path = true, transcripts.Translations
	text, finish, usage, err := ask(c)
	require.NoError(t, err)
	assert.Equal(t, " Good morning", text)
	assert.Equal(t, "stop", finish)
	assert.Nil(t, usage, "seconds are no tokens")
	asked := <-forms
	assert.Equal(t, transcripts.Translations, asked.path)
	assert.NotContains(t, asked.fields, "stream")
	assert.NotContains(t, asked.fields, "stream_include_usage", "vLLM refuses it without stream")
}

func TestClient_whatIsNoTranscript(t *testing.T) {
	for body, says := range map[string]string{
		`{"texts":["a"]}`:                       "it has no text",
		`{"text":7}`:                            "it has no text",
		`{"text":"Good mor`:                     "is not JSON",
		`{"error":{"message":"out of memory"}}`: "out of memory",
	} {
		c, _ := answering(t, "application/json", body)
		c.AtOnce = true
		_, _, _, err := ask(c)
		assert.ErrorContains(t, err, says, body)
	}
}

func TestLacks_whatHasNoFieldInTheForm(t *testing.T) {
	require.NoError(t, transcripts.Lacks(harness.Prompt{MaxTokens: 64}))
	assert.ErrorContains(t, transcripts.Lacks(harness.Prompt{MaxTokens: 64, IgnoreEOS: true}), "ignore_eos")
	assert.ErrorContains(t, transcripts.Lacks(harness.Prompt{Priority: 1}), "priority")
	assert.ErrorContains(t, transcripts.Lacks(harness.Prompt{Media: []harness.Medium{{Kind: harness.Image}}}), "images cannot be sent")
	assert.ErrorContains(t, transcripts.Lacks(harness.Prompt{Media: make([]harness.Medium, 2)}), "one clip each")
}
