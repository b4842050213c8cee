package steps

import (
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/multimodal"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// dataset is the workload as what the load asks.
func (w *world) dataset() (harness.Dataset, error) {
	if err := w.adaptersExist(); err != nil {
		return nil, err
	}
	d, err := w.workload.described()
	if err != nil {
		return nil, err
	}
	return d, w.singleQuestions()
}

// described is the workload that the sentences describe, of the scenario or of a class.
func (work *workload) described() (harness.Dataset, error) {
	d, err := work.asksWhat()
	if err != nil {
		return nil, err
	}
	d = multimodal.With(d, work.media)
	if d, err = work.checked(d); err != nil {
		return nil, err
	}
	if len(work.adapters) > 0 {
		d = dataset.Adapters{Dataset: d, Shares: work.adapters}
	}
	return d, nil
}

// asksWhat is what is asked, of whatever server.
func (work *workload) asksWhat() (harness.Dataset, error) {
	exact := work.prompt.Mean > 0
	switch {
	case work.clips.Task != "" && (work.describedTwice() || work.pooled.task != ""):
		return nil, errors.New("clips are asked without prompts, and the workload is described twice; leave out what says how prompts and answers are, but for how long answers are at most")
	case work.clips.Task != "":
		return work.clips.Dataset(work.bound), nil
	case work.pooled.task != "" && (work.describedTwice() || work.bound > 0 || work.full):
		return nil, errors.New("texts have no answers, and the workload is described twice; leave out what says how prompts and answers are")
	case work.pooled.task != "":
		return work.pooled.Texts, nil
	case work.mix != nil && (work.conversations != "" || exact):
		return nil, errors.New("the workload is described twice, as a mix and beside it; put what is asked into the rows of the mix")
	case work.mix != nil:
		return work.mix, nil
	case work.groups > 0 && !exact:
		return nil, errors.New("a shared prefix belongs to prompts of a length; add: And prompts of 512 tokens are answered in 128 tokens")
	case work.turns > 0 && work.conversations == "":
		return nil, errors.New(`turns belong to conversations; add: And conversations are drawn from "sharegpt"`)
	case work.conversations != "" && (exact || work.answer.Mean > 0):
		return nil, errors.New("the workload is described twice, as conversations and as prompts of a length; keep one")
	case exact || work.answer.Mean > 0:
		return work.synthetic()
	case work.playsTrace() && work.bound > 0:
		return nil, errors.New("answers are as long as in the trace; leave out how long they are at most")
	case work.playsTrace():
		return *work.trace, nil
	case work.conversations == "":
		return nil, errors.New(`the scenario does not say what is asked; add: And conversations are drawn from "sharegpt"`)
	case work.full && work.bound == 0:
		return nil, errors.New("every answer runs to its full length, but no length is given; add: And answers are at most 256 tokens long")
	}
	return work.fromFile()
}

// playsTrace reports whether a trace says what is asked too.
func (work *workload) playsTrace() bool {
	return work.trace != nil && work.conversations == "" && work.mix == nil && work.prompt.Mean == 0 && work.answer.Mean == 0
}

// synthetic is prompts of an exact length. Where only they have one, their answers run
// to the bound.
func (work *workload) synthetic() (harness.Dataset, error) {
	switch {
	case work.prompt.Mean == 0:
		return nil, errors.New(`answers have lengths and prompts have none; add: And the lengths of prompts are drawn from "prompts.csv"`)
	case work.answer.Mean == 0 && work.bound == 0:
		return nil, errors.New("prompts have lengths and answers have none; add: And answers are at most 128 tokens long")
	case work.answer.Mean == 0:
		work.answer.Mean = work.bound
	case work.bound > 0 && work.answer.Mean != work.bound:
		return nil, errors.New("the length of answers is said twice; leave out how long they are at most")
	}
	return dataset.Synthetic{Prompt: work.prompt, Answer: work.answer, Groups: work.groups, Prefix: work.prefix}, nil
}

// fromFile is conversations that are drawn from a file. It is checked now: a mistake in
// it is found before a server is started, and how long that takes is no part of the load.
func (work *workload) fromFile() (harness.Dataset, error) {
	if own := work.own[work.conversations]; own != nil {
		return work.ofUser(own)
	}
	src, err := work.source()
	if err != nil {
		return nil, err
	}
	d := &dataset.File{FS: src.FS, Path: src.Path, Name: src.Name, Parts: src.Parts, Whole: src.Whole, Sample: src.Sample, Notes: src.Notes, MaxTokens: work.bound, IgnoreEOS: work.full, Turns: work.turns, Recorded: work.recorded, Virtual: work.virtual}
	work.open = append(work.open, d)
	check := func() error { _, err := d.Count(); return err }
	if work.rehearsal != nil {
		return d, work.rehearsal.checkOnce(d, work.virtual, check)
	}
	if err = check(); err != nil {
		return d, err
	}
	if src.Parts != nil {
		return d, work.files.AddParts(work.conversations, src.Name, src.FS, src.Parts)
	}
	return d, work.files.Add(work.conversations, src.FS, src.Path)
}

// ofUser is a dataset that a user adds, with the bound of its answers.
func (work *workload) ofUser(own harness.Dataset) (harness.Dataset, error) {
	if work.turns > 0 {
		return nil, fmt.Errorf("the conversations of %q have the turns that its dataset gives them; leave out how many", work.conversations)
	}
	named := dataset.Named{Name: work.conversations, Dataset: own, MaxTokens: work.bound, IgnoreEOS: work.full}
	turns, err := named.Turns()
	work.severalTurns = work.severalTurns || turns > 1
	return named, err
}

// close closes the files that were drawn from.
func (work *workload) close() (err error) {
	for _, file := range work.open {
		err = errors.Join(err, file.Close())
	}
	if work.trace != nil {
		err = errors.Join(err, work.trace.Close())
	}
	return err
}

// adaptersExist refuses an adapter that the simulated server does not serve. What
// another server serves is for it to say.
func (w *world) adaptersExist() error {
	if w.Live && !w.target.Simulated {
		return nil
	}
	var known []string
	for _, a := range w.target.Adapters {
		known = append(known, a.Name)
	}
	served := map[string]bool{"": true, notServed: true}
	for _, name := range known {
		served[name] = true
	}
	for _, name := range w.workload.adaptersAsked() {
		if !served[name] {
			return fmt.Errorf("the simulated server has no adapter %q%s; to give it one, add: And it serves the adapter %q", name, spelling.DidYouMean(name, known), name)
		}
	}
	return nil
}

// adaptersAsked are the models that are asked beside the server's own.
func (work *workload) adaptersAsked() (names []string) {
	for _, a := range work.adapters {
		names = append(names, a.Name)
	}
	if work.playsTrace() {
		names = append(names, work.trace.Models()...)
	}
	for _, c := range work.mix {
		names = append(names, c.Model)
		if of, ok := c.Dataset.(dataset.Adapters); ok {
			for _, a := range of.Shares {
				names = append(names, a.Name)
			}
		}
	}
	return names
}
