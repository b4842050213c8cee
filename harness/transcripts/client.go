// Package transcripts asks a server for what is said in clips of sound, in their language or in English, as OpenAI's
// interface for that has it and vLLM's for streams: a form goes there, and the pieces of a text come back.
// Connections, errors and the reading of streams are those of [github.com/vllmspec/vllmspec/harness/openai].
package transcripts

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"mime/multipart"
	"net/textproto"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/media"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/wire"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// Where servers have it: as it is said, and in English.
const (
	Transcriptions = "/v1/audio/transcriptions"
	Translations   = "/v1/audio/translations"
)

// A Client asks one model of one server what is said in clips, over the connections of an OpenAI client.
type Client struct {
	*openai.Client        // answers come in one piece where its own would
	Path           string // "": Transcriptions
}

// Ask sends the clip of a prompt, and yields what is said in it.
func (c *Client) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return c.Stream(ctx, c.request(p), c)
}

// Read reads an answer: see [client.Protocol]. Streams have the shape of chats'.
func (c *Client) Read(from client.Body, label string, most int) iter.Seq2[harness.Chunk, error] {
	if c.AtOnce {
		return wire.ReadAtOnce(from, label, most, atOnce)
	}
	return c.Client.Read(from, label, most)
}

// atOnce reads an answer in one piece: a text, without a finish reason and without counts of tokens.
func atOnce(root gjson.Result, c *harness.Chunk) error {
	text := root.Get("text")
	if text.Type != gjson.String {
		return wire.Malformed("what came is no transcript: it has no text: " + root.Raw[:min(len(root.Raw), limit.Words)])
	}
	c.Text, c.Finish = text.Str, "stop"
	return nil
}

// Prepare makes the body of a prompt before it is due.
func (c *Client) Prepare(p harness.Prompt) harness.Prompt {
	p.Request = c.request(p)
	return p
}

// Lacks is what a prompt asks for that this interface has no field for; nil where it can be asked. A server ignores
// such fields without a word.
func Lacks(p harness.Prompt) error {
	switch {
	case p.IgnoreEOS:
		return errors.New("transcripts have no ignore_eos, so that none can be asked to run to its full length; say how long answers are at most: And answers are at most 256 tokens long")
	case p.Priority != 0:
		return errors.New("clips have no priority: leave priorities out")
	case len(p.Media) > 1:
		return errors.New("transcripts are of one clip each")
	}
	return media.Lacking(p, "transcriptions", "a clip", harness.Clip)
}

// boundary parts the fields of a form. It stands in no clip but by a chance of 2 to the power of 144.
const boundary = "vllmspec-form-pk2x7qv0t5mz9hw4cje8"

// language is what clips are said to be in. Without it, Whisper is asked for the language first: a request more for
// each clip, which no client sees.
const language = "en"

func (c *Client) request(p harness.Prompt) *client.Request {
	if made, ok := p.Request.(*client.Request); ok {
		return made
	}
	var clip []byte
	if len(p.Media) > 0 {
		clip = media.Make(p.Media[0], cmp.Or(p.MediaSalt, p.CacheSalt))
	}
	return &client.Request{Path: cmp.Or(c.Path, Transcriptions), Type: "multipart/form-data; boundary=" + boundary, Body: c.form(p, clip), Most: limit.AnswerBytes(p.MaxTokens)}
}

// form is the body of a request. No part of it can fail: it is written to memory.
func (c *Client) form(p harness.Prompt, clip []byte) []byte {
	body := bytes.NewBuffer(make([]byte, 0, len(clip)+2048))
	form := multipart.NewWriter(body)
	_ = form.SetBoundary(boundary) // it is one
	fields := [][2]string{{"model", cmp.Or(p.Model, c.Model)}, {"language", language}, {"response_format", "json"}}
	if !c.AtOnce {
		fields = append(fields, [2]string{"stream", "true"}, [2]string{"stream_include_usage", "true"})
	}
	if !c.AtOnce && c.CountTokens {
		fields = append(fields, [2]string{"stream_continuous_usage_stats", "true"})
	}
	if p.MaxTokens > 0 {
		fields = append(fields, [2]string{"max_completion_tokens", strconv.Itoa(p.MaxTokens)})
	}
	for _, field := range fields {
		_ = form.WriteField(field[0], field[1])
	}
	head := textproto.MIMEHeader{}
	head.Set("Content-Disposition", fmt.Sprintf(`form-data; name="file"; filename=%q`, "clip.wav"))
	head.Set("Content-Type", "audio/wav")
	file, _ := form.CreatePart(head)
	_, _ = file.Write(clip)
	_ = form.Close()
	return body.Bytes()
}
