package media_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/media"
)

func TestAbout_isNoLessThanWhatIsMade(t *testing.T) {
	for _, m := range []harness.Medium{
		{Kind: harness.Image, Width: 512, Height: 512},
		{Kind: harness.Image, Width: 1024, Height: 300},
		{Kind: harness.Video, Length: time.Second, Width: 320, Height: 240},
		{Kind: harness.Clip, Length: time.Second},
	} {
		made := len(media.Make(m, "x"))
		assert.LessOrEqual(t, made, media.About(m), m)
		assert.Less(t, media.About(m), 2*made, m)
	}
}
