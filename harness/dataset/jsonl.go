package dataset

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// JSONL is a file with one JSON object per line. Each has either a "prompt",
// asked as a completion, or "messages", asked as a chat; "max_tokens" bounds
// that answer, below the bound of the dataset. Empty lines are skipped.
type JSONL struct {
	FS        fs.FS
	Path      string
	MaxTokens int  // bound of every answer; 0: the server's
	IgnoreEOS bool // every answer runs to the bound
}

func (d JSONL) String() string { return describe(d.Path, d.MaxTokens, d.IgnoreEOS) }

// longestLine is the longest line that is read: a prompt of a million tokens
// takes some four megabytes.
const longestLine = 64 << 20

type jsonlLine struct {
	Prompt    string            `json:"prompt"`
	Messages  []harness.Message `json:"messages"`
	MaxTokens int               `json:"max_tokens"`
}

// Conversations implements [harness.Dataset].
func (d JSONL) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	all, err := d.read()
	return shuffled(r, all), err
}

// Count is how many different prompts there are.
func (d JSONL) Count() (int, error) {
	all, err := d.read()
	return len(all), err
}

func (d JSONL) read() ([]harness.Conversation, error) {
	file, err := d.FS.Open(d.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []harness.Conversation
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longestLine)
	number := 0
	for lines.Scan() {
		number++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		prompt, err := d.parse(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", d.Path, number, err)
		}
		all = append(all, harness.Conversation{Turns: []harness.Prompt{prompt}})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", d.Path, number+1, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: there is no prompt in it", d.Path)
	}
	return all, nil
}

func (d JSONL) parse(raw []byte) (harness.Prompt, error) {
	var line jsonlLine
	if err := json.Unmarshal(raw, &line); err != nil {
		return harness.Prompt{}, fmt.Errorf(`%w; a line is {"prompt": "…"} or {"messages": […]}`, explainJSON(err))
	}
	switch {
	case line.Prompt != "" && line.Messages != nil:
		return harness.Prompt{}, errors.New(`the line has both "prompt" and "messages"; keep one`)
	case strings.TrimSpace(line.Prompt) == "" && len(line.Messages) == 0:
		return harness.Prompt{}, errors.New(`the line has no "prompt" and no "messages"`)
	case line.MaxTokens < 0:
		return harness.Prompt{}, fmt.Errorf("max_tokens is %d; it must be above 0", line.MaxTokens)
	}
	for i, m := range line.Messages {
		if m.Role == "" || m.Content == "" {
			return harness.Prompt{}, fmt.Errorf("message %d needs a role and a content", i+1)
		}
	}
	bound := line.MaxTokens
	if bound == 0 || d.MaxTokens > 0 && d.MaxTokens < bound {
		bound = d.MaxTokens
	}
	return harness.Prompt{Text: line.Prompt, Messages: line.Messages, MaxTokens: bound, IgnoreEOS: d.IgnoreEOS && bound > 0}, nil
}
