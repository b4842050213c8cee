package media

import (
	"fmt"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
)

// Lacking refuses a prompt with a medium of a kind that an interface has no field for; nil where it has one for each.
// takes says what the interface can be asked: a server would not see the medium, and the run would seem to have one.
func Lacking(p harness.Prompt, over, takes string, kinds ...harness.MediumKind) error {
	all := slices.Clone(p.Media)
	for _, m := range p.Messages {
		all = append(all, m.Media...)
	}
	for _, m := range all {
		if !slices.Contains(kinds, m.Kind) {
			return fmt.Errorf("%ss cannot be sent over %q, which takes %s; leave out over what it is asked: prompts with %ss are chats then", m.Kind, over, takes, m.Kind)
		}
	}
	return nil
}

// About is how many bytes the content of a medium that is made has, rounded up: pictures have one to two bits a pixel.
func About(m harness.Medium) int {
	switch m.Kind {
	case harness.Image:
		return m.Width * m.Height / 4
	case harness.Video:
		return frames(m.Length) * m.Width * m.Height / 4
	}
	return wavHead + 2*samples(m.Length)
}
