// Package medium reads what sentences say of clips, images and videos: how long, how large, how many.
package medium

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/multimodal"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
)

// Seconds reads how long clips are: "10 seconds", "10 to 30 seconds" or "2 ± 1 minutes".
func Seconds(text string) (l dataset.Length, err error) {
	cut := strings.LastIndex(text, " ")
	s, unit := text[:max(0, cut)], text[cut+1:]
	if known := []string{"second", "seconds", "minute", "minutes"}; !slices.Contains(known, unit) {
		return l, fmt.Errorf("%q is no length of clips; write 10 seconds, 10 to 30 seconds or 2 minutes", text)
	}
	if l, err = amount.LengthOf(s, unit); err != nil {
		return l, fmt.Errorf("clips: %w", err)
	}
	each := 1
	if strings.HasPrefix(unit, "minute") {
		each = 60
	}
	most := int(multimodal.LongestClip/time.Second) / each
	if max(l.Mean, l.Deviation, l.To) > most || l.Mean+3*l.Deviation > most { // the sum last: it may be beyond all numbers
		return l, fmt.Errorf("clips of %s %s are too long; one has %v at most", s, unit, multimodal.LongestClip)
	}
	l.Mean, l.Deviation, l.From, l.To = each*l.Mean, each*l.Deviation, each*l.From, each*l.To
	return l, nil
}

// Images reads how many of a size each prompt has, out of how many; "" for ones that are shown once.
func Images(each, of, size string) (s multimodal.Some, err error) {
	s.Like.Kind = harness.Image
	if s.Each, err = some(each, "images"); err != nil {
		return s, err
	}
	if of != "" {
		if s.Of, err = amount.Count(of, "images", s.Each); err != nil {
			return s, err
		}
	}
	return sized(s, size)
}

// some reads a number, or an article for one.
func some(each, of string) (int, error) {
	switch each {
	case "a", "an", "one":
		return 1, nil
	}
	return amount.Count(each, of, 1)
}

// Video reads how long and how large the video of each prompt is.
func Video(length, size string) (s multimodal.Some, err error) {
	s.Each, s.Like.Kind = 1, harness.Video
	if s.Like.Length, err = amount.Duration(length); err != nil {
		return s, err
	}
	return sized(s, size)
}

// Clip reads how long the clip of each prompt is.
func Clip(length string) (s multimodal.Some, err error) {
	s.Each, s.Like.Kind = 1, harness.Clip
	if s.Like.Length, err = amount.Duration(length); err != nil {
		return s, err
	}
	return s, s.Check()
}

var size = regexp.MustCompile(`^(\d{1,6}) ?[x×] ?(\d{1,6})$`)

// sized reads the width and the height of some: "1024x768".
func sized(s multimodal.Some, pixels string) (multimodal.Some, error) {
	parts := size.FindStringSubmatch(pixels)
	if parts == nil {
		return s, fmt.Errorf("%q is no size; write width and height in pixels: 1024x768", pixels)
	}
	s.Like.Width, _ = strconv.Atoi(parts[1]) // digits
	s.Like.Height, _ = strconv.Atoi(parts[2])
	return s, s.Check()
}
