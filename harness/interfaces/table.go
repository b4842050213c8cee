// Package interfaces is the table of the ways in which a server can be asked: what users call each, where a
// server has it, which package makes its requests and reads its answers, and what comes back. A further one is
// a further entry.
package interfaces

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/generate"
	"github.com/vllmspec/vllmspec/harness/media"
	"github.com/vllmspec/vllmspec/harness/messages"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/pooling"
	"github.com/vllmspec/vllmspec/harness/responses"
	"github.com/vllmspec/vllmspec/harness/transcripts"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// An Interface is one way to ask a server.
type Interface struct {
	harness.Interface          // what users call it, and what comes back
	Paths             []string // under which a server may have it; the first that it has is asked
	Takes             Takes

	// Over is the client that asks a server over it, at one of the paths; nil: the OpenAI client asks by itself.
	Over func(at *openai.Client, path string) client.Replica

	lacks func(harness.Prompt) error // nil: nothing
}

// Lacking is what a prompt asks for that the interface has no field for; nil where it can be asked.
func (in Interface) Lacking(p harness.Prompt) error {
	if in.lacks == nil {
		return nil
	}
	return in.lacks(p)
}

// Takes is what an interface can be asked.
type Takes string

// What there is to ask.
const (
	Questions Takes = "prompts or conversations that are answered"
	Prompts   Takes = "prompts of a length that are answered" // questions that are token ids
	Texts     Takes = "texts"
	Queries   Takes = "queries with documents"
	Clips     Takes = "clips"
)

// All are all interfaces that there are.
func All() []Interface {
	pooled := func(name string, takes Takes, task pooling.Task) Interface {
		return Interface{harness.Interface{Name: name, Answers: harness.Pooled}, task.Paths, takes,
			func(at *openai.Client, path string) client.Replica {
				return &pooling.Client{Client: at, Task: task, Path: path}
			}, lacks(name, "texts")}
	}
	transcribed := func(name, path string) Interface {
		return Interface{harness.Interface{Name: name, Answers: harness.Transcripts}, []string{path}, Clips,
			func(at *openai.Client, path string) client.Replica {
				return &transcripts.Client{Client: at, Path: path}
			}, transcripts.Lacks}
	}
	return []Interface{
		{harness.Interface{Name: Completions}, []string{"/v1/completions"}, Questions, nil, lacks(Completions, "text")},
		{harness.Interface{Name: Chat}, []string{"/v1/chat/completions"}, Questions, nil, nil},
		{harness.Interface{Name: Responses}, []string{responses.Path}, Questions, func(at *openai.Client, _ string) client.Replica { return responses.New(at) }, responses.Lacks},
		{harness.Interface{Name: Messages}, []string{messages.Path}, Questions, func(at *openai.Client, _ string) client.Replica { return messages.New(at) }, messages.Lacks},
		{harness.Interface{Name: Generate}, []string{generate.Path}, Prompts, func(at *openai.Client, _ string) client.Replica { return &generate.Client{Client: at} }, generate.Lacks},
		pooled(Embeddings, Texts, pooling.Embed()),
		pooled(Classify, Texts, pooling.Classify()),
		pooled(Pooling, Texts, pooling.Pool()),
		pooled(Score, Queries, pooling.Score()),
		pooled(Rerank, Queries, pooling.Rerank()),
		transcribed(Transcriptions, transcripts.Transcriptions),
		transcribed(Translations, transcripts.Translations),
	}
}

// lacks refuses prompts with images and the like, of which an interface has none.
func lacks(name, takes string) func(harness.Prompt) error {
	return func(p harness.Prompt) error { return media.Lacking(p, name, takes) }
}

// The names of interfaces that sentences ask for.
const (
	Completions = "completions"
	Chat        = "chat"
	Responses   = "responses"
	Messages    = "messages"
	Generate    = "generate"
	Embeddings  = "embeddings"
	Classify    = "classify"
	Pooling     = "pooling"
	Score       = "score"
	Rerank      = "rerank"

	Transcriptions = "transcriptions"
	Translations   = "translations"
)

// Named is the interface of a name.
func Named(name string) (Interface, error) {
	all := All()
	i := slices.IndexFunc(all, func(in Interface) bool { return in.Name == name })
	if i < 0 {
		return Interface{}, fmt.Errorf("%q is no interface that can be asked for%s; there are %s", name, spelling.DidYouMean(name, names(all)), quoted(all))
	}
	return all[i], nil
}

// Choose is the interface over which a workload is asked. The task is the one that the workload means, "" for
// questions; over is the one that is asked for, "" for none; the prompt is what all of it has in common. The zero
// value is completions and chats.
func Choose(task, over string, asks harness.Prompt) (harness.Interface, error) {
	if task == "" && over == "" {
		return harness.Interface{}, nil
	}
	means, chosen := Interface{Takes: Questions}, Interface{}
	var err error
	if task != "" {
		if means, err = Named(task); err != nil {
			return means.Interface, err
		}
		chosen = means
	}
	if over != "" {
		chosen, err = Named(over)
	}
	if err == nil && chosen.Takes != means.Takes && !(chosen.Takes == Prompts && means.Takes == Questions) {
		err = fmt.Errorf("%s are not asked over %q, which takes %s", means.Takes, chosen.Name, chosen.Takes)
	}
	if err == nil {
		err = chosen.Lacking(asks)
	}
	return chosen.Interface, err
}

// InOnePiece is an interface whose answers are not streamed.
func InOnePiece(over harness.Interface) (harness.Interface, error) {
	if !over.Answers.Generates() {
		return over, fmt.Errorf("the answers of %q come in one piece in any case; leave that out", over.Name)
	}
	over.Answers = over.Answers.InOnePiece()
	return over, nil
}

func names(all []Interface) (out []string) {
	for _, in := range all {
		out = append(out, in.Name)
	}
	return out
}

// quoted are the names as a sentence lists them.
func quoted(all []Interface) string {
	list := names(all)
	for i := range list {
		list[i] = fmt.Sprintf("%q", list[i])
	}
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}
