package mockvllm_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// wav is so many seconds of silence.
func wav(seconds int) []byte {
	file := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data")
	file = binary.LittleEndian.AppendUint32(file, uint32(32_000*seconds))
	return append(file, make([]byte, 32_000*seconds)...)
}

// transcribe sends a form; a file that is nil is left out.
func transcribe(s http.Handler, path string, file []byte, fields map[string]string) *answered {
	var form bytes.Buffer
	to := multipart.NewWriter(&form)
	for name, value := range fields {
		_ = to.WriteField(name, value)
	}
	if file != nil {
		part, _ := to.CreateFormFile("file", "clip.wav")
		_, _ = part.Write(file)
	}
	_ = to.Close()
	r := httptest.NewRequest(http.MethodPost, path, &form)
	r.Header.Set("Content-Type", to.FormDataContentType())
	a := &answered{ResponseRecorder: httptest.NewRecorder(), asked: time.Now()}
	s.ServeHTTP(a, r)
	return a
}

const transcriptions, translations = "/v1/audio/transcriptions", "/v1/audio/translations"

func TestTranscripts_streamsAsVLLMDoes(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: zero()})
	a := transcribe(s, transcriptions, wav(3), map[string]string{"stream": "true", "stream_include_usage": "true"})
	events := a.events()
	require.Greater(t, len(events), 4)
	for _, e := range events {
		assert.Equal(t, "transcription.chunk", e["object"])
		assert.True(t, strings.HasPrefix(e["id"].(string), "transcribe-"))
	}
	last, usage := events[len(events)-2], events[len(events)-1]
	choice := last["choices"].([]any)[0].(map[string]any)
	assert.Equal(t, "stop", choice["finish_reason"])
	assert.NotContains(t, choice, "index", "as vLLM has it")
	assert.Empty(t, usage["choices"])
	counted := usage["usage"].(map[string]any)
	assert.Equal(t, 154.0, counted["prompt_tokens"], "50 for each second, and 4 before them")
	assert.InDelta(t, 10, counted["completion_tokens"], 4)
	assert.Contains(t, a.Body.String(), "data: [DONE]\n\n")
}

func TestTranscripts_inOnePiece(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: zero()})
	var whole struct {
		Text  string
		Usage *struct {
			Type    string
			Seconds int
		}
	}
	decode(t, transcribe(s, transcriptions, wav(3), nil), &whole)
	assert.NotEmpty(t, whole.Text)
	assert.Equal(t, "duration", whole.Usage.Type)
	assert.Equal(t, 3, whole.Usage.Seconds)
	text := whole.Text
	whole.Usage = nil
	decode(t, transcribe(s, translations, wav(3), nil), &whole)
	assert.Nil(t, whole.Usage, "vLLM gives none of a translation")
	assert.Equal(t, text, whole.Text, "it is drawn from the clip")
}

func TestTranscripts_refusesWhatVLLMRefuses(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: zero()})
	for says, a := range map[string]*answered{
		"Field required":                         transcribe(s, transcriptions, nil, map[string]string{"model": "tiny"}),
		"Invalid or unsupported audio file.":     transcribe(s, transcriptions, []byte("no sound"), nil),
		"Stream options can only be defined":     transcribe(s, transcriptions, wav(1), map[string]string{"stream_include_usage": "true"}),
		"Currently only support response_format": transcribe(s, translations, wav(1), map[string]string{"response_format": "srt"}),
		"max_tokens must be at least 1":          transcribe(s, transcriptions, wav(1), map[string]string{"max_completion_tokens": "0"}),
		"Maximum file size exceeded":             transcribe(s, transcriptions, wav(900), nil),
		"body.file":                              ask(s, transcriptions, body{}),
	} {
		assert.Equal(t, http.StatusBadRequest, a.Code, says)
		if says != "body.file" {
			assert.Contains(t, a.Body.String(), says)
		}
	}
	assert.Equal(t, http.StatusNotFound, transcribe(s, transcriptions, wav(1), map[string]string{"model": "other"}).Code)
}

// picture is an image part of a message.
func picture(t *testing.T, width, height int) body {
	var file bytes.Buffer
	require.NoError(t, png.Encode(&file, image.NewGray(image.Rect(0, 0, width, height))))
	return body{"type": "image_url", "image_url": body{"url": "data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes())}}
}

func TestChat_imagesAreTokensAndAreCached(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: zero()})
	tokens := func(parts ...body) int {
		a := ask(s, "/v1/chat/completions", body{"messages": []body{{"role": "user", "content": append(parts, body{"type": "text", "text": "What is this?"})}}, "max_tokens": 1})
		require.Equal(t, http.StatusOK, a.Code, a.Body.String())
		var whole struct {
			Usage struct {
				PromptTokens int `json:"prompt_tokens"`
			}
		}
		decode(t, a, &whole)
		return whole.Usage.PromptTokens
	}
	without := tokens()
	assert.Equal(t, without+16*8, tokens(picture(t, 448, 224)), "28 by 28 pixels each")
	assert.Equal(t, without+16*8+1, tokens(picture(t, 448, 224), picture(t, 10, 10)))
	assert.Equal(t, without, tokens(body{"type": "image_url", "image_url": body{"url": "https://example.com/cat.png"}}), "it fetches nothing")

	page := httptest.NewRecorder()
	s.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	assert.Regexp(t, `vllm:mm_cache_queries_total\{[^}]*\} 3\.0`, page.Body.String())
	assert.Regexp(t, `vllm:mm_cache_hits_total\{[^}]*\} 1\.0`, page.Body.String())

	broken := body{"type": "image_url", "image_url": body{"url": "data:image/png;base64,bm8gaW1hZ2U="}}
	a := ask(s, "/v1/chat/completions", body{"messages": []body{{"role": "user", "content": []body{broken}}}})
	assert.Equal(t, http.StatusBadRequest, a.Code)
	assert.Contains(t, a.Body.String(), "cannot identify image file")
}
