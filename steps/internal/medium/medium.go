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

// The most that is made of one medium: some hundred megabytes.
const (
	longestClip  = time.Hour
	longestVideo = 10 * time.Minute
	widest       = 8192 // pixels
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
	if strings.HasPrefix(unit, "minute") {
		l.Mean, l.Deviation, l.From, l.To = 60*l.Mean, 60*l.Deviation, 60*l.From, 60*l.To
	}
	if most := max(l.Mean+3*l.Deviation, l.To); time.Duration(most)*time.Second > longestClip {
		return l, fmt.Errorf("clips of %s %s are too long; one has %v at most", s, unit, longestClip)
	}
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
	s.Like.Width, s.Like.Height, err = pixels(size)
	return s, err
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
	if s.Like.Length < time.Second/8 || s.Like.Length > longestVideo {
		return s, fmt.Errorf("a video of %s cannot be made; it has between 125 ms and %v", length, longestVideo)
	}
	s.Like.Width, s.Like.Height, err = pixels(size)
	return s, err
}

// Clip reads how long the clip of each prompt is.
func Clip(length string) (s multimodal.Some, err error) {
	s.Each, s.Like.Kind = 1, harness.Clip
	s.Like.Length, err = amount.Duration(length)
	if err == nil && (s.Like.Length < time.Second/10 || s.Like.Length > longestClip) {
		err = fmt.Errorf("a clip of %s cannot be made; it has between 100 ms and %v", length, longestClip)
	}
	return s, err
}

var size = regexp.MustCompile(`^(\d{1,6}) ?[x×] ?(\d{1,6})$`)

// pixels reads "1024x768".
func pixels(s string) (width, height int, err error) {
	parts := size.FindStringSubmatch(s)
	if parts == nil {
		return 0, 0, fmt.Errorf("%q is no size; write width and height in pixels: 1024x768", s)
	}
	width, _ = strconv.Atoi(parts[1]) // digits
	height, _ = strconv.Atoi(parts[2])
	if min(width, height) < 16 || max(width, height) > widest {
		return 0, 0, fmt.Errorf("a size of %s cannot be made; each side has between 16 and %d pixels", s, widest)
	}
	return width, height, nil
}
