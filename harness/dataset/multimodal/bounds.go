package multimodal

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/media"
)

// What is made at most. A longer clip that chance draws is cut to LongestClip.
const (
	LongestClip  = time.Hour
	LongestVideo = 10 * time.Minute
	Widest       = 8192 // pixels of each side
	mostEach     = 64
	mostOf       = 10_000
	mostShown    = 128 << 20 // bytes of what one prompt shows
)

// Check refuses what cannot be shown, or would take a machine's memory.
func (s Some) Check() error {
	m := s.Like
	sized := m.Kind == harness.Image || m.Kind == harness.Video
	switch {
	case s.Each < 1 || s.Each > mostEach:
		return fmt.Errorf("%d %ss of a prompt cannot be made; it has between 1 and %d", s.Each, m.Kind, mostEach)
	case s.Of != 0 && (s.Of < s.Each || s.Of > mostOf):
		return fmt.Errorf("%d of %d %ss cannot be drawn; there are between %d and %d different ones", s.Each, s.Of, m.Kind, s.Each, mostOf)
	case sized && (min(m.Width, m.Height) < 16 || max(m.Width, m.Height) > Widest):
		return fmt.Errorf("a size of %dx%d cannot be made; each side has between 16 and %d pixels", m.Width, m.Height, Widest)
	case m.Kind == harness.Video && (m.Length < time.Second/media.FrameRate || m.Length > LongestVideo):
		return fmt.Errorf("a video of %v cannot be made; it has between 125 ms and %v", m.Length, LongestVideo)
	case m.Kind == harness.Clip && (m.Length < time.Second/10 || m.Length > LongestClip):
		return fmt.Errorf("a clip of %v cannot be made; it has between 100 ms and %v", m.Length, LongestClip)
	}
	return nil
}

// CheckAll refuses all that one prompt is to show together.
func CheckAll(all []Some) error {
	bytes := 0
	for _, s := range all {
		if err := s.Check(); err != nil {
			return err
		}
		bytes += s.Each * media.About(s.Like)
	}
	if bytes > mostShown {
		return fmt.Errorf("what each prompt shows (%s) has about %d MiB; it has %d MiB at most: write fewer, smaller or shorter ones", Shown{Media: all}.says(), bytes>>20, mostShown>>20)
	}
	return nil
}
