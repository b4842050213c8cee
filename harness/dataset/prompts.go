package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// Prompts is a file of prompts, one each line or row:
//
//	.jsonl    {"prompt": "…"}, asked as a completion, or {"messages": […]}, asked
//	          as a chat, either with "max_tokens"; or lines of OpenAI's batches,
//	          where the same stands under "body"
//	.csv      a column prompt and, if need be, max_tokens
//	.parquet  the same columns
//	.txt      a prompt each line
//
// "max_tokens" bounds that answer, below the bound of the dataset. A prompt may be a
// list of token ids. A message may have several parts, texts and images; an image is an
// address, or file: and a path from the dataset's folder. Tools, and what tells a
// server how to draw tokens, are asked for as the line says. Empty lines are skipped.
type Prompts struct {
	FS        fs.FS
	Path      string
	MaxTokens int                     // bound of every answer; 0: the server's
	IgnoreEOS bool                    // every answer runs to the bound
	Virtual   bool                    // drawn in virtual time
	Progress  func(done, total int64) // is told now and then how many bytes have been checked; nil: nobody is

	shared shared
}

func (d *Prompts) String() string { return describe(d.Path, d.MaxTokens, d.IgnoreEOS) }

// Conversations implements [harness.Dataset].
func (d *Prompts) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	all, err := d.shared.open(d.open)
	if err != nil {
		return nil, err
	}
	return shuffled(r, all), nil
}

// Count is how many different prompts there are.
func (d *Prompts) Count() (int, error) {
	all, err := d.shared.open(d.open)
	if err != nil {
		return 0, err
	}
	return int(all.usable), nil
}

// Close closes the file. Nothing can be drawn any more.
func (d *Prompts) Close() error { return d.shared.close() }

// open checks the file.
func (d *Prompts) open() (*records, error) {
	file, err := open(d.FS, d.Path)
	if err != nil {
		return nil, err
	}
	var all *records
	switch filepath.Ext(d.Path) {
	case ".jsonl":
		all, err = lineRecords(file, parseLine, d.conversation, d.Progress)
	case ".txt":
		all, err = lineRecords(file, func(text []byte) (line, error) { return line{Prompt: string(text)}, nil }, d.conversation, d.Progress)
	case ".csv":
		all, err = csvRecords(file, d.conversation, d.Progress)
	case ".parquet":
		all, err = parquetRecords(file, d.Virtual, d.conversation, d.Progress)
	default:
		err = errors.New("files of prompts end in .jsonl, .csv, .parquet or .txt")
	}
	switch {
	case err == nil && all.usable == 0:
		err = errors.New("there is no prompt in it")
		fallthrough
	case err != nil:
		return nil, errors.Join(inFile(d.Path, err), file.Close())
	}
	return all, nil
}

// conversation is the prompt of a line.
func (d *Prompts) conversation(l line, inline bool) (c harness.Conversation, err error) {
	switch {
	case (l.Prompt != "" || l.TokenIDs != nil) && l.Messages != nil:
		return c, errors.New(`the line has both "prompt" and "messages"; keep one`)
	case strings.TrimSpace(l.Prompt) == "" && len(l.TokenIDs) == 0 && len(l.Messages) == 0:
		return c, errors.New(`the line has no "prompt" and no "messages"`)
	case l.MaxTokens < 0 || l.MaxTokens > 1<<30:
		return c, fmt.Errorf("max_tokens is %d; it must be above 0", l.MaxTokens)
	}
	for _, id := range l.TokenIDs {
		if id < 0 {
			return c, fmt.Errorf("%d is no token", id)
		}
	}
	bound := int(l.MaxTokens)
	if bound == 0 || d.MaxTokens > 0 && d.MaxTokens < bound {
		bound = d.MaxTokens
	}
	prompt := harness.Prompt{Text: l.Prompt, TokenIDs: l.TokenIDs, Tokens: len(l.TokenIDs), MaxTokens: bound,
		IgnoreEOS: (d.IgnoreEOS || l.IgnoreEOS) && bound > 0, Extra: l.Extra}
	if l.Messages != nil {
		prompt.Messages, err = messages{d.FS}.all(l.Messages, inline)
	}
	return harness.Conversation{Turns: []harness.Prompt{prompt}}, err
}
