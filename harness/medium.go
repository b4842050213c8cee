package harness

import (
	"fmt"
	"time"
)

// A Medium is a clip of sound, an image or a video of a prompt. Its content is made from its seed when the request
// is, so that a prompt that waits for its turn takes no room; or it is that of a file.
type Medium struct {
	Kind          MediumKind
	Length        time.Duration // of a clip or a video
	Width, Height int           // of an image or a video, in pixels
	Seed          uint64        // media of one seed, kind and size are the same
	File          []byte        // its content, where it is not made
}

// A MediumKind is what a medium is.
type MediumKind string

// The kinds.
const (
	Clip  MediumKind = "clip"
	Image MediumKind = "image"
	Video MediumKind = "video"
)

func (m Medium) String() string {
	switch m.Kind {
	case Image:
		return fmt.Sprintf("image of %dx%d", m.Width, m.Height)
	case Video:
		return fmt.Sprintf("video of %v at %dx%d", m.Length, m.Width, m.Height)
	}
	return fmt.Sprintf("%s of %v", m.Kind, m.Length)
}

// clipLength is how long the clip is that is transcribed; [NoTime] where none is.
func (p *Prompt) clipLength() time.Duration {
	if len(p.Media) != 1 || p.Media[0].Kind != Clip || p.TokenIDs != nil || p.Text != "" {
		return NoTime
	}
	return p.Media[0].Length
}

// hasMedia reports whether anything of a prompt is no text.
func (p *Prompt) hasMedia() bool {
	has := len(p.Media) > 0
	for _, m := range p.Messages {
		has = has || len(m.Media) > 0
	}
	return has
}
