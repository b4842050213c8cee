package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/fixtures"
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/spelling"
)

// workload is what is asked, as the scenario says it.
type workload struct {
	conversations  string // name of a dataset, or a file
	prompt, answer dataset.Length
	bound          int  // of an answer, in tokens
	full           bool // every answer runs to its full length
	groups, prefix int  // prompts that share their beginning, and how long it is
	turns          int  // of a conversation
	recorded       bool // its history is the recorded answers
	mix            dataset.Mix
	cached         *dataset.Cached // where the scenario says what is in the prefix cache
}

func (w *world) registerWorkload(sc sentences) {
	sc.Step(`^conversations are drawn from "([^"]*)"$`, w.drawnFrom)
	sc.Step(`^prompts of (.+) tokens are answered in (.+) tokens$`, w.lengths)
	sc.Step(`^prompts in (\S+) groups share a prefix of (\S+) tokens$`, w.sharePrefix)
	sc.Step(`^conversations have (\S+) turns$`, w.haveTurns)
	sc.Step(`^conversations have (\S+) recorded turns$`, w.haveRecordedTurns)
	sc.Step(`^answers are at most (\S+) tokens long$`, w.answersAtMost)
	sc.Step(`^every answer runs to its full length$`, w.fullLength)
}

// datasets are the names of what comes with vllmspec, and the file of each.
func datasets() map[string]string {
	return map[string]string{"sharegpt": "sharegpt.json", "prompts": "prompts.jsonl"}
}

// drawnFrom names a dataset, or a file: .json in ShareGPT's format, or prompts in
// .jsonl, .csv, .parquet or .txt.
func (w *world) drawnFrom(name string) error {
	w.workload.conversations = name
	_, err := w.source()
	return err
}

// source is where the named conversations lie.
func (w *world) source() (source, error) {
	name := w.workload.conversations
	if file, ok := datasets()[name]; ok {
		return source{fixtures.Files(), file}, nil
	}
	switch filepath.Ext(name) {
	case ".json", ".jsonl", ".csv", ".parquet", ".txt":
		files, path, err := w.file(name)
		return source{files, path}, err
	}
	var known []string
	for name := range datasets() {
		known = append(known, name)
	}
	slices.Sort(known)
	return source{}, fmt.Errorf("%q is no dataset%s; a file of your own ends in .json (ShareGPT), .jsonl, .csv, .parquet or .txt", name, spelling.DidYouMean(name, known))
}

// file is a file of the user's.
func (w *world) file(name string) (fs.FS, string, error) {
	path := w.suite.env.fromRoot(name)
	if _, err := os.Stat(path); err != nil {
		return nil, "", fmt.Errorf("there is no file %s", path)
	}
	return os.DirFS(filepath.Dir(path)), filepath.Base(path), nil
}

type source struct {
	fs   fs.FS
	path string
}

// lengths asks synthetic prompts of an exact length, answered in an exact length.
func (w *world) lengths(prompt, answer string) (err error) {
	if w.workload.prompt, err = length(prompt); err != nil {
		return fmt.Errorf("prompts: %w", err)
	}
	w.workload.answer, err = length(answer)
	if err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	return nil
}

// length reads "512", "512 ± 64", or "100 to 900".
func length(s string) (dataset.Length, error) {
	if from, to, ranges := strings.Cut(s, " to "); ranges {
		return evenly(from, to)
	}
	mean, deviation, spread := strings.Cut(s, "±")
	l := dataset.Length{}
	var err error
	if l.Mean, err = count(strings.TrimSpace(mean), "tokens", 1); err != nil {
		return l, err
	}
	if spread {
		l.Deviation, err = count(strings.TrimSpace(deviation), "tokens", 0)
	}
	return l, err
}

// sharePrefix lets prompts of a group begin with the same tokens, which come on
// top of their own length.
func (w *world) sharePrefix(groups, tokens string) (err error) {
	if w.workload.groups, err = count(groups, "groups", 1); err != nil {
		return err
	}
	w.workload.prefix, err = count(tokens, "tokens", 1)
	return err
}

// haveTurns asks so many questions of a conversation, each with what was said
// before it, the server's own answers included. Conversations with fewer are left
// out.
func (w *world) haveTurns(turns string) (err error) {
	w.workload.turns, err = count(turns, "turns", 1)
	return err
}

// haveRecordedTurns is the same with the answers that are recorded, so that every
// run asks exactly the same.
func (w *world) haveRecordedTurns(turns string) error {
	w.workload.recorded = true
	return w.haveTurns(turns)
}

// evenly is a length that is drawn evenly between two.
func evenly(from, to string) (l dataset.Length, err error) {
	if l.From, err = count(strings.TrimSpace(from), "tokens", 1); err != nil {
		return l, err
	}
	if l.To, err = count(strings.TrimSpace(to), "tokens", 1); err != nil {
		return l, err
	}
	if l.To < l.From {
		return l, fmt.Errorf("%s to %s: the first must be the smaller one", from, to)
	}
	l.Mean = (l.From + l.To) / 2
	return l, nil
}

// answersAtMost bounds every answer.
func (w *world) answersAtMost(tokens string) (err error) {
	w.workload.bound, err = count(tokens, "tokens", 1)
	return err
}

// fullLength makes the server go on to the bound of every answer.
func (w *world) fullLength() { w.workload.full = true }

// dataset is the workload as the harness knows it.
func (w *world) dataset() (harness.Dataset, error) {
	work := w.workload
	var d harness.Dataset
	switch {
	case work.mix != nil && (work.conversations != "" || work.prompt.Mean > 0):
		return nil, errors.New("the workload is described twice, as a mix and beside it; put what is asked into the rows of the mix")
	case work.mix != nil:
		d = work.mix
	case work.groups > 0 && work.prompt.Mean == 0:
		return nil, errors.New("a shared prefix belongs to prompts of a length; add: And prompts of 512 tokens are answered in 128 tokens")
	case work.turns > 0 && work.conversations == "":
		return nil, errors.New(`turns belong to conversations; add: And conversations are drawn from "sharegpt"`)
	case work.conversations != "" && work.prompt.Mean > 0:
		return nil, errors.New("the workload is described twice, as conversations and as prompts of a length; keep one")
	case work.prompt.Mean > 0:
		d = dataset.Synthetic{Prompt: work.prompt, Answer: work.answer, Groups: work.groups, Prefix: work.prefix}
	case work.conversations == "" && w.load.trace != nil:
		d = *w.load.trace
	case work.conversations == "":
		return nil, errors.New(`the scenario does not say what is asked; add: And conversations are drawn from "sharegpt"`)
	case work.full && work.bound == 0:
		return nil, errors.New("every answer runs to its full length, but no length is given; add: And answers are at most 256 tokens long")
	default:
		src, err := w.source()
		if err != nil {
			return nil, err
		}
		switch {
		case filepath.Ext(src.path) == ".json":
			d = &dataset.ShareGPT{FS: src.fs, Path: src.path, MaxTokens: work.bound, IgnoreEOS: work.full, Turns: work.turns, Recorded: work.recorded}
		case work.turns > 0:
			return nil, fmt.Errorf("%s holds single prompts; conversations with turns are drawn from \"sharegpt\", or a .json file like it", src.path)
		default:
			d = &dataset.Prompts{FS: src.fs, Path: src.path, MaxTokens: work.bound, IgnoreEOS: work.full}
		}
	}
	return w.cached(d)
}
