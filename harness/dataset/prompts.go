package dataset

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/chat"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// prompts reads files of single prompts, one each line or row:
//
//	.jsonl    {"prompt": "…"}, asked as a completion, or {"messages": […]}, asked
//	          as a chat, either with "max_tokens"; or lines of OpenAI's batches,
//	          where the same stands under "body"
//	.csv      a column prompt and, if need be, max_tokens
//	.parquet  the same columns
//	.txt      a prompt each line
//
// "max_tokens" bounds that answer, below the bound of the dataset; so does "output_tokens",
// as the files of vLLM's benchmark call it. A prompt may be a list of token ids, and have
// "image_files". A message may have several parts, texts and images; an image is an
// address, or file: and a path from the dataset's folder. Every field that asks the server
// for something is sent as the line says, also under "extra_body". Empty lines are skipped.
type prompts struct{ *File }

func linesFormat() fileFormat {
	return fileFormat{kind: KindPrompts, holds: "prompts in JSON, one object each line", noun: "prompt", extensions: []string{".jsonl"},
		read: func(d *File, file *source.File) (*records, error) {
			return lineRecords(file, line.Parse, prompts{d}.conversation, d.Progress)
		}}
}

func tableFormat() fileFormat {
	return fileFormat{kind: KindPrompts, holds: "tables of prompts", noun: "prompt", extensions: []string{".csv", ".parquet"},
		read: func(d *File, file *source.File) (*records, error) {
			if d.isParquet() {
				return parquetRecords(file, d.Virtual, false, prompts{d}.row, d.unknown().Note, d.Progress)
			}
			return csvRecords(file, prompts{d}.conversation, d.unknown().Note, d.Progress)
		}}
}

func textFormat() fileFormat {
	return fileFormat{kind: KindPrompts, holds: "a prompt each line", noun: "prompt", extensions: []string{".txt"},
		read: func(d *File, file *source.File) (*records, error) {
			whole := func(text []byte) (line.Line, error) { return line.Line{Prompt: string(text), Asks: true}, nil }
			return lineRecords(file, whole, prompts{d}.conversation, d.Progress)
		}}
}

// row is the prompt of a row of Parquet.
func (d prompts) row(columns parquetColumns, _ int64, r parquetRow, inline bool) (c harness.Conversation, err error) {
	l, err := columns.line(r)
	if err != nil {
		return c, err
	}
	return d.conversation(l, inline)
}

// conversation is the prompt of a line.
func (d prompts) conversation(l line.Line, inline bool) (c harness.Conversation, err error) {
	switch {
	case (l.Prompt != "" || l.TokenIDs != nil) && l.Messages != nil:
		return c, line.ErrBothPrompts
	case !l.Asks:
		return c, errors.New(`the line has no "prompt" and no "messages"`)
	case strings.TrimSpace(l.Prompt) == "" && len(l.TokenIDs) == 0 && len(l.Messages) == 0:
		return c, source.NewUnaskable(source.EmptyPrompt, "the prompt is empty")
	case l.Images != nil && l.Prompt == "":
		return c, errors.New(`"image_files" belongs to a "prompt" that is a text; write images of "messages" as parts of them`)
	}
	for _, id := range l.TokenIDs {
		if id < 0 {
			return c, fmt.Errorf("%d is no token", id)
		}
	}
	bound, err := l.Bound(d.MaxTokens)
	if err != nil {
		return c, err
	}
	least, err := l.Least(bound)
	if err != nil {
		return c, err
	}
	if err := d.unknown().Note(l.Unknown); err != nil {
		return c, err
	}
	prompt := harness.Prompt{Text: l.Prompt, TokenIDs: l.TokenIDs, Tokens: len(l.TokenIDs), MaxTokens: bound, MinTokens: least,
		IgnoreEOS: (d.IgnoreEOS || l.IgnoreEOS) && bound > 0, Extra: l.Extra}
	if l.Extra["truncate_prompt_tokens"] != nil {
		prompt.Tokens = 0 // the server leaves some of them out, as it is asked to
	}
	if l.DropAnswer() {
		d.all().answered.Store(true)
	}
	messages := l.Messages
	if l.Images != nil {
		messages, prompt.Text = l.Illustrated(), ""
	}
	if messages != nil {
		prompt.Messages, err = chat.Messages{Files: d.FS}.All(messages, inline)
	}
	return harness.Conversation{Turns: []harness.Prompt{prompt}}, err
}
