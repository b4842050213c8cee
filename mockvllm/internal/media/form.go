package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"strconv"

	"github.com/vllmspec/vllmspec/mockvllm/internal/hash"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// A Form is what a request for a transcript sends.
type Form struct {
	fields map[string]string
	File   []byte // nil: there is none
}

// Get is a field; "" where it is missing.
func (f Form) Get(name string) string { return f.fields[name] }

// Is reports whether a field says yes.
func (f Form) Is(name string) bool {
	switch f.fields[name] {
	case "true", "True", "1", "yes", "on":
		return true
	}
	return false
}

// ReadForm reads a form.
func ReadForm(contentType string, body []byte) (Form, error) {
	f := Form{fields: map[string]string{}}
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return f, errors.New("it is no form")
	}
	parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return f, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return f, err
		}
		if part.FormName() == "file" && part.FileName() != "" {
			f.File = content
		} else {
			f.fields[part.FormName()] = string(content)
		}
	}
}

// Fields by which a stream is asked for its usage.
const (
	IncludeUsage = "stream_include_usage"
	RunningUsage = "stream_continuous_usage_stats"
)

// mostClip is how long a file of sound may be (VLLM_MAX_AUDIO_CLIP_FILESIZE_MB).
const mostClip = 25 << 20

// Check is what vLLM says is wrong with a form that has a file; "" for nothing.
func (f Form) Check() string {
	format := f.Get("response_format")
	_, wrong := Seconds(f.File)
	switch {
	case (f.Is(IncludeUsage) || f.Is(RunningUsage)) && !f.Is("stream"):
		return "Stream options can only be defined when `stream=True`. (parameter=stream_include_usage)"
	case format != "" && format != "json" && format != "text":
		return "Currently only support response_format: `text`, `json` or `verbose_json`"
	case len(f.File) > mostClip:
		return fmt.Sprintf("Maximum file size exceeded (parameter=audio_filesize_mb, value=%d)", len(f.File)>>20)
	case f.Get(most) != "" && f.Most() == nil:
		return "Input should be a valid integer, unable to parse string as an integer"
	case wrong != nil:
		return wrong.Error()
	}
	return ""
}

const most = "max_completion_tokens"

// Most is how long the answer may be; nil where the form does not say.
func (f Form) Most() *int {
	n, err := strconv.Atoi(f.Get(most))
	if err != nil {
		return nil
	}
	return &n
}

// Clip is what the file becomes, and how long it plays.
func (f Form) Clip() (tokens []tokenizer.Token, seconds float64) {
	seconds, _ = Seconds(f.File) // it was checked
	return Tokens(hash.FNV(hash.Offset, f.File), 4+int(math.Ceil(seconds*TokensPerSecond))), seconds
}
