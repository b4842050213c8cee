package medium_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/multimodal"
	"github.com/vllmspec/vllmspec/steps/internal/medium"
)

func TestSeconds(t *testing.T) {
	for text, want := range map[string]dataset.Length{"10 seconds": {Mean: 10}, "1 second": {Mean: 1}, "10 to 30 seconds": {Mean: 20, From: 10, To: 30}, "20 ± 5 seconds": {Mean: 20, Deviation: 5},
		"1 to 3 minutes": {Mean: 120, From: 60, To: 180}} {
		got, err := medium.Seconds(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for text, says := range map[string]string{
		"0 seconds": "seconds: 0 is too few; it must be at least 1", "1.5 seconds": "seconds: 1.5 is no whole number", "a few seconds": `"a few" is no number`,
		"30 to 10 seconds": "the first must be the smaller one", "4,000 seconds": "are too long; one has 1h0m0s at most",
		"10000000000 seconds": "are too long; one has 1h0m0s at most", "9000000000000000000 minutes": "are too long", "10 ± 3000000000000000000 seconds": "are too long",
		"a log-normal 10 ± 100000 seconds": "are too long", "1 to 10000000000 seconds": "are too long", "61 minutes": "are too long",
		"10": `"10" is no length of clips; write 10 seconds`, "10 secands": `"10 secands" is no length of clips`,
	} {
		_, err := medium.Seconds(text)
		assert.ErrorContains(t, err, says, text)
	}
}

func TestImages(t *testing.T) {
	image := harness.Medium{Kind: harness.Image, Width: 1024, Height: 768}
	got, err := medium.Images("an", "", "1024x768")
	require.NoError(t, err)
	assert.Equal(t, multimodal.Some{Each: 1, Like: image}, got)
	got, err = medium.Images("2", "10", "1024×768")
	require.NoError(t, err)
	assert.Equal(t, multimodal.Some{Each: 2, Of: 10, Like: image}, got)
	for _, bad := range []struct{ each, of, size, says string }{
		{"0", "", "64x64", "images: 0 is too few"}, {"2", "1", "64x64", "images: 1 is too few; it must be at least 2"},
		{"2", "", "large", `"large" is no size; write width and height in pixels: 1024x768`}, {"2", "", "8x64", "each side has between 16 and 8192 pixels"},
		{"2", "", "999999x64", "each side has between"},
		{"1", "10000000000", "64x64", "between 1 and 10000 different ones"}, {"100000", "", "64x64", "it has between 1 and 64"},
	} {
		_, err := medium.Images(bad.each, bad.of, bad.size)
		assert.ErrorContains(t, err, bad.says)
	}
}

func TestVideoAndClip(t *testing.T) {
	got, err := medium.Video("5 seconds", "320x240")
	require.NoError(t, err)
	assert.Equal(t, harness.Medium{Kind: harness.Video, Length: 5 * time.Second, Width: 320, Height: 240}, got.Like)
	_, err = medium.Video("1 hour", "320x240")
	assert.ErrorContains(t, err, "it has between 125 ms and 10m0s")
	got, err = medium.Clip("500 ms")
	require.NoError(t, err)
	assert.Equal(t, harness.Medium{Kind: harness.Clip, Length: time.Second / 2}, got.Like)
	_, err = medium.Clip("0 s")
	assert.ErrorContains(t, err, "it has between 100 ms and 1h0m0s")
	_, err = medium.Clip("5 secands")
	assert.ErrorContains(t, err, "did you mean")
}
