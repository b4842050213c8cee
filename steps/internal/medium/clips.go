package medium

import (
	"errors"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/multimodal"
	"github.com/vllmspec/vllmspec/harness/interfaces"
)

// Clips is a workload of clips of which a model says what is said in them.
type Clips struct {
	Task       string // the interface that its sentence means; "": there are none
	Seconds    dataset.Length
	Recordings *multimodal.Recordings // nil: they are made
}

// Be makes the workload the one that a sentence says, by its verb.
func (c *Clips) Be(said Clips, verb string) error {
	if c.Task != "" {
		return errors.New("what becomes of clips is said twice; keep one")
	}
	said.Task = map[string]string{"transcribed": interfaces.Transcriptions, "translated": interfaces.Translations}[verb]
	*c = said
	return nil
}

// Dataset is the clips, whose transcripts have a bound, or 0.
func (c *Clips) Dataset(most int) harness.Dataset {
	if c.Recordings != nil {
		c.Recordings.MaxTokens = most
		return c.Recordings
	}
	return multimodal.Clips{Seconds: c.Seconds, MaxTokens: most}
}

// Shape is a prompt with one of each of some media, for interfaces that have no field for some kinds.
func Shape(p harness.Prompt, media []multimodal.Some) harness.Prompt {
	for _, some := range media {
		p.Media = append(p.Media, some.Like)
	}
	return p
}
