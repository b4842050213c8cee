package steps

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/interfaces"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
	"github.com/vllmspec/vllmspec/steps/internal/medium"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// A pooled workload is texts of which a model makes vectors, scores or classes.
type pooled struct {
	dataset.Texts
	task string // the interface that its sentence means; "": the workload is answered in tokens
}

// textsSentences say what is asked of models that generate nothing.
func textsSentences() []entry {
	return []entry{
		{Pattern: `^texts of (.+) tokens are (embedded|classified|pooled)$`, Do: (*workload).textsAre,
			Doc: `Has a pooling model embed synthetic texts, classify them, or pool its states of them, one text in each request. A
				length is written as those of prompts are. Texts are sent as token ids, so that their length is exact. Nothing is
				generated: latency is that of the whole answer, and throughput counts inputs and prompt tokens.`},
		{Pattern: `^texts of (.+) tokens are (embedded|classified|pooled), (\S+) at a time$`, Do: (*workload).textsAreAtATime,
			Doc: `Does the same with several texts in each request. An answer is whole when it has one finite result for each.`},
		{Pattern: `^queries of (.+) tokens are (ranked|scored) against (\S+) documents of (.+) tokens$`, Do: (*workload).queriesAre,
			Doc: `Has a model rank documents by a query, or score each with it: one query and its documents in each request. They
				are words, of which most vocabularies have each as one token; how many tokens a request had, as the server counts
				them, says the metric input tokens.`},
	}
}

func (work *workload) textsAre(tokens, verb string) error {
	return work.textsAreAtATime(tokens, verb, "1")
}

func (work *workload) textsAreAtATime(tokens, verb, each string) (err error) {
	var p pooled
	p.task = map[string]string{"embedded": interfaces.Embeddings, "classified": interfaces.Classify, "pooled": interfaces.Pooling}[verb]
	if p.Texts, err = amount.Texts(each, tokens, "texts"); err != nil {
		return err
	}
	return work.pool(p)
}

func (work *workload) queriesAre(query, verb, each, tokens string) (err error) {
	var p pooled
	p.task = map[string]string{"ranked": interfaces.Rerank, "scored": interfaces.Score}[verb]
	if p.Texts, err = amount.Texts(each, tokens, "documents"); err != nil {
		return err
	}
	if p.Query, err = amount.Length(query); err != nil {
		return fmt.Errorf("queries: %w", err)
	}
	return work.pool(p)
}

func (work *workload) pool(p pooled) error {
	if work.pooled.task != "" {
		return errors.New("what becomes of texts is said twice; keep one")
	}
	work.pooled = p
	return nil
}

func (work *workload) askedOver(name string) error {
	if work.over != "" {
		return errors.New("the interface is said twice; keep one")
	}
	in, err := interfaces.Named(name)
	switch {
	case err != nil:
		return err
	case in.Name == interfaces.Completions:
		return errors.New("prompts of a length are completions without this sentence, and conversations are chats; leave it out")
	}
	work.over, work.chats = name, in.Name == interfaces.Chat
	return nil
}

// overInterface is the interface over which the workload is asked. The zero value is completions and chats.
func (work *workload) overInterface() (harness.Interface, error) {
	over := work.over
	if work.chats && over != "" && work.pooled.task == "" && work.clips.Task == "" {
		over = ""
	}
	in, err := interfaces.Choose(cmp.Or(work.pooled.task, work.clips.Task), over, work.shape())
	if err == nil && work.atOnce {
		in, err = interfaces.InOnePiece(in)
	}
	return in, err
}

// shape is what every prompt of the workload has in common, as far as interfaces differ in it.
func (work *workload) shape() harness.Prompt {
	exact := work.prompt.Mean > 0 // their answers have a length too, and run to it
	p := harness.Prompt{MaxTokens: max(work.bound, work.answer.Mean, 1), IgnoreEOS: work.full || exact}
	if work.conversations == "" && work.mix == nil {
		p.TokenIDs = []int{}
	}
	return medium.Shape(p, work.media)
}

// describedTwice reports whether something of a workload of prompts stands beside texts or clips.
func (work *workload) describedTwice() bool {
	return work.conversations != "" || work.prompt.Mean > 0 || work.answer.Mean > 0 || work.mix != nil || work.groups > 0 || work.turns > 0 || len(work.media) > 0
}

// fit refuses rows of a class that the traffic does not have, and rows about what has no meaning over the interface.
func (w *world) fit(rows []harness.Objective) error {
	errs := []error{w.workload.classesExist(rows)}
	for _, o := range rows {
		errs = append(errs, sentence.Placed(o.Where, metric.CheckMeaning(o, w.scenario.Interface)))
	}
	for _, asked := range w.expected {
		for _, o := range asked.Rows {
			if asked.Kind == experiment.Agreement {
				errs = append(errs, sentence.Placed(o.Where, reconcile.CheckMeaning(o, w.scenario.Interface)))
			}
		}
	}
	return errors.Join(errs...)
}
