package steps

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/vllmspec/vllmspec/fixtures"
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/spelling"
)

// workload is what is asked, as the scenario says it.
type workload struct {
	conversations  string         // name of a dataset, or a file
	prompt, answer dataset.Length // Mean is 0 where nothing was said
	bound          int            // of an answer, in tokens
	full           bool           // every answer runs to its full length
	groups, prefix int            // prompts that share their beginning, and how long it is
	turns          int            // of a conversation
	recorded       bool           // its history is the recorded answers
	mix            dataset.Mix
	severalTurns   bool // some class of it has conversations of several turns
	adapters       []dataset.AdapterShare
	files          map[string]string // that are drawn from, as the scenario names them, and what is in them
	open           []io.Closer       // files that are drawn from
	cached         *dataset.Cached   // where the scenario says what is in the prefix cache
}

func (w *world) registerWorkload(sc sentences) {
	sc.Step(`^conversations are drawn from "([^"]*)"$`, w.drawnFrom)
	sc.Step(`^prompts of (.+) tokens are answered in (.+) tokens$`, w.lengths)
	sc.Step(`^the lengths of (prompts|answers) are drawn from "([^"]*)"$`, w.lengthsFrom)
	sc.Step(`^prompts in (\S+) groups share a prefix of (\S+) tokens$`, w.sharePrefix)
	sc.Step(`^conversations have (\S+) turns$`, w.haveTurns)
	sc.Step(`^conversations have (\S+) recorded turns$`, w.haveRecordedTurns)
	sc.Step(`^people think for (.+) between turns$`, w.thinkBetween)
	sc.Step(`^answers are at most (\S+) tokens long$`, w.answersAtMost)
	sc.Step(`^every answer runs to its full length$`, w.fullLength)
	sc.Step(`^(\S+%) of requests ask the adapter "([^"]*)"$`, w.askAdapter)
}

// datasets are the names of what comes with vllmspec, and the file of each.
func datasets() map[string]string {
	return map[string]string{"sharegpt": "sharegpt.json", "prompts": "prompts.jsonl"}
}

// drawnFrom names a dataset, or a file, whose path counts from the module's root: .json in ShareGPT's format, or prompts in
// .jsonl, .csv, .parquet or .txt. A file may be larger than memory. Lines of JSON may be
// those of OpenAI's batches, and ask with tools and images; an image is an address, or
// file: and a path from the folder that the file of conversations lies in.
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

// lengths asks synthetic prompts of an exact length, answered in an exact length:
// 512, 512 ± 64 (normally), a log-normal 512 ± 256 (mostly short, sometimes long), or
// 100 to 900 (all equally likely).
func (w *world) lengths(prompt, answer string) (err error) {
	if w.workload.prompt.Mean > 0 || w.workload.answer.Mean > 0 {
		return errors.New("the lengths of prompts and answers are said twice; keep one")
	}
	if w.workload.prompt.Histogram != nil || w.workload.answer.Histogram != nil {
		return errTwoLengths
	}
	if w.workload.prompt, err = length(prompt); err != nil {
		return fmt.Errorf("prompts: %w", err)
	}
	w.workload.answer, err = length(answer)
	if err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	return nil
}

var errTwoLengths = errors.New("lengths are said twice, in tokens and by a file; keep one")

// lengthsFrom draws the lengths of synthetic prompts, or of their answers, as often as
// a CSV file says: its columns are length and weight, or from, to and weight. Where
// answers have no file, they run to how long they are at most.
func (w *world) lengthsFrom(of, name string) error {
	l := &w.workload.prompt
	if of == "answers" {
		l = &w.workload.answer
	}
	if l.Mean > 0 {
		return errTwoLengths
	}
	files, path, err := w.file(name)
	if err != nil {
		return err
	}
	if *l, err = dataset.ReadHistogram(files, path); err != nil {
		return err
	}
	return w.drawsFrom(name, source{files, path})
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

// thinkBetween is how long people think before the next turn of their conversation,
// on average; their thoughts have no memory. In a row of a mix it is for that class.
func (w *world) thinkBetween(length string) error {
	d, err := duration(length)
	w.load.between = harness.Think{Mean: d, Shape: harness.Exponential}
	return err
}

// answersAtMost bounds every answer.
func (w *world) answersAtMost(tokens string) (err error) {
	if w.workload.bound > 0 {
		return errors.New("how long answers are at most is said twice; keep one")
	}
	w.workload.bound, err = count(tokens, "tokens", 1)
	return err
}

// fullLength makes the server go on to the bound of every answer.
func (w *world) fullLength() { w.workload.full = true }

// askAdapter asks a share of the conversations of a LoRA adapter, which is a model of
// its own; the others are asked of the base model.
func (w *world) askAdapter(of, name string) error {
	s, err := share(of)
	if err != nil {
		return err
	}
	for _, other := range w.workload.adapters {
		if other.Name == name {
			return fmt.Errorf("the share of the adapter %q is said twice", name)
		}
	}
	w.workload.adapters = append(w.workload.adapters, dataset.AdapterShare{Name: name, Share: s})
	return nil
}
