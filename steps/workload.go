package steps

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/vllmspec/vllmspec/fixtures"
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/multimodal"
	"github.com/vllmspec/vllmspec/harness/dataset/origin"
	"github.com/vllmspec/vllmspec/harness/dataset/trace"
	"github.com/vllmspec/vllmspec/internal/digest"
	"github.com/vllmspec/vllmspec/internal/spelling"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
	"github.com/vllmspec/vllmspec/steps/internal/medium"
)

// workload is what is asked, as the scenario says it.
type workload struct {
	own       map[string]harness.Dataset // that a user adds, by name
	userFiles *origin.Origins            // that it may be drawn from
	virtual   bool                       // the load runs in virtual time
	rehearsal *rehearsal                 // nil: the load is run

	conversations  string         // name of a dataset, or a file
	prompt, answer dataset.Length // Mean is 0 where nothing was said
	bound          int            // of an answer, in tokens
	full           bool           // every answer runs to its full length
	atOnce         bool           // answers are not streamed
	groups, prefix int            // prompts that share their beginning, and how long it is
	turns          int            // of a conversation
	recorded       bool           // its history is the recorded answers
	mix            dataset.Mix
	over           string // the interface that a sentence names; "": none
	chats          bool   // completions are asked as chats
	pooled         pooled
	clips          medium.Clips
	media          []multimodal.Some // that each prompt has
	severalTurns   bool              // some class of it has conversations of several turns
	adapters       []dataset.AdapterShare
	files          digest.Files // that are drawn from, as the scenario names them
	open           []io.Closer  // files that are drawn from
	trace          *trace.Trace // that is replayed; nil: none
	answers        answers
}

// workloadSentences say what is asked.
func workloadSentences() []entry {
	return []entry{
		{Pattern: `^conversations are drawn from "([^"]*)"$`, Do: (*workload).drawnFrom,
			Doc: `Draws conversations or prompts from a dataset that comes along, or from a file, whose path counts from the
				module's root: ` + dataset.Formats() + `. It may be compressed (.gz, .zst), an archive or a folder of such files or of
				texts, and an address: "https://example.com/chats.jsonl.gz#sha256=…", which is downloaded once, before the load. "hf:owner/name" is a data set on Hugging Face's Hub, and
				"prompts.sql" the rows of a query. A file may be larger than memory. Lines of JSON may be those of OpenAI's batches, with
				tools and images; an image is an address, or file: and a path from the folder that the file of conversations
				lies in. Fields of a request in such a line are sent; unknown ones are named before the load. Records without a
				question are left out and counted; more than half of them is an error.`},
		{Pattern: `^prompts of (.+) tokens are answered in (.+) tokens$`, Do: (*workload).lengths,
			Doc: `Sends synthetic prompts of an exact length, answered in an exact length: 512, 512 ± 64 (normally distributed),
				a log-normal 512 ± 256 (mostly short, sometimes long), or 100 to 900 (uniformly distributed).`},
		{Pattern: `^the lengths of (prompts|answers) are drawn from "([^"]*)"$`, Do: (*workload).lengthsFrom,
			Doc: `Draws the lengths of synthetic prompts, or of their answers, from the histogram in a CSV file: its columns are
				length and weight, or from, to and weight. Answers without a file run to their maximum length.`},
		{Pattern: `^prompts in (\S+) groups share a prefix of (\S+) tokens$`, Do: (*workload).sharePrefix,
			Doc: `Begins all prompts of a group with the same tokens, which are added to their own length.`},
		{Pattern: `^conversations have (\S+) turns$`, Do: (*workload).haveTurns,
			Doc: `Asks this number of questions of a conversation, each with the turns before it, including the server's own
				answers. Shorter conversations are left out.`},
		{Pattern: `^conversations have (\S+) recorded turns$`, Do: (*workload).haveRecordedTurns,
			Doc: `Does the same with the recorded answers, so that every run sends exactly the same requests.`},
		{Pattern: `^people think for (.+) between turns$`, Do: (*loadSpec).thinkBetween,
			Doc: `Pauses between the turns of a conversation, by an exponential distribution with this mean. In a row of a mix it
				is for that class.`},
		{Pattern: `^answers are at most (\S+) tokens long$`, Do: (*workload).answersAtMost,
			Doc: `Limits the length of every answer.`},
		{Pattern: `^every answer runs to its full length$`, Do: (*workload).fullLength,
			Doc: `Makes the server generate every answer up to its limit, past its end-of-sequence token.`},
		{Pattern: `^answers come in one piece$`, Do: (*workload).inOnePiece,
			Doc: `Asks for answers that are not streamed. Latency is that of the whole answer then: what is about its first token, or the
				time between tokens, has no meaning.`},
		{Pattern: `^it is asked over "([^"]*)"$`, Do: (*workload).askedOver,
			Doc: `Sends prompts of a length, or of a file, over another interface: over "chat" as chats instead of completions, over "responses"
				or "messages" as OpenAI's Responses and Anthropic's Messages have them. Prompts of a length are then words, as many as give the length with the model's chat template, as the server counts them (by
				/tokenize, or in the usage of answers). Over "generate" they are token ids, and so are the answers.`},
		{Pattern: `^(\S+%) of requests ask the adapter "([^"]*)"$`, Do: (*workload).askAdapter,
			Doc: `Sends a share of the conversations to a LoRA adapter, which is a model of its own; the others go to the base
				model.`},
	}
}

func (work *workload) drawnFrom(name string) error {
	work.conversations = name
	if work.own[name] != nil {
		return nil
	}
	_, err := work.source()
	return err
}

// source is where the named conversations lie.
func (work *workload) source() (origin.Files, error) {
	name := work.conversations
	known := fixtures.Datasets()
	if file, ok := known[name]; ok {
		return origin.Files{FS: fixtures.Files(), Path: file, Name: file, Sample: true}, nil
	}
	if work.userFiles.Knows(name) {
		return work.userFiles.Find(name)
	}
	return origin.Files{}, fmt.Errorf("%q is no dataset%s; a file of your own ends in %s; if a Go test adds it with WithDataset, run that: go test", name, spelling.DidYouMean(name, slices.Concat(slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(work.own)))), dataset.Extensions())
}

// file is a file of the user's.
func (work *workload) file(name string) (fs.FS, string, error) {
	files, err := work.userFiles.Find(name)
	if err == nil && files.Path == "" {
		err = fmt.Errorf("%s: it is a folder; name a file in it", files.Name)
	}
	return files.FS, files.Path, err
}

func (work *workload) lengths(prompt, answer string) (err error) {
	if work.prompt.Mean > 0 || work.answer.Mean > 0 {
		return errors.New("the lengths of prompts and answers are said twice; keep one")
	}
	if work.prompt.Histogram != nil || work.answer.Histogram != nil {
		return errTwoLengths
	}
	if work.prompt, err = amount.Length(prompt); err != nil {
		return fmt.Errorf("prompts: %w", err)
	}
	work.answer, err = amount.Length(answer)
	if err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	return nil
}

var errTwoLengths = errors.New("lengths are said twice, in tokens and by a file; keep one")

func (work *workload) lengthsFrom(of, name string) error {
	l := &work.prompt
	if of == "answers" {
		l = &work.answer
	}
	if l.Mean > 0 {
		return errTwoLengths
	}
	files, path, err := work.file(name)
	if err != nil {
		return err
	}
	if *l, err = dataset.ReadHistogram(files, path); err != nil {
		return err
	}
	return work.files.Add(name, files, path)
}

func (work *workload) sharePrefix(groups, tokens string) (err error) {
	if work.groups, err = amount.Count(groups, "groups", 1); err != nil {
		return err
	}
	work.prefix, err = amount.Count(tokens, "tokens", 1)
	return err
}

func (work *workload) haveTurns(turns string) (err error) {
	work.turns, err = amount.Count(turns, "turns", 1)
	return err
}

func (work *workload) haveRecordedTurns(turns string) error {
	work.recorded = true
	return work.haveTurns(turns)
}

func (l *loadSpec) thinkBetween(length string) error {
	d, err := amount.Duration(length)
	l.between = harness.Think{Mean: d, Shape: harness.Exponential}
	return err
}

func (work *workload) answersAtMost(tokens string) (err error) {
	if work.bound > 0 {
		return errors.New("how long answers are at most is said twice; keep one")
	}
	work.bound, err = amount.Count(tokens, "tokens", 1)
	return err
}

func (work *workload) fullLength() { work.full = true }

func (work *workload) inOnePiece() { work.atOnce = true }

func (work *workload) askAdapter(of, name string) error {
	s, err := amount.Share(of)
	if err != nil {
		return err
	}
	for _, other := range work.adapters {
		if other.Name == name {
			return fmt.Errorf("the share of the adapter %q is said twice", name)
		}
	}
	work.adapters = append(work.adapters, dataset.AdapterShare{Name: name, Share: s})
	return nil
}
