package media_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/jpeg"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/media"
)

func all() []harness.Medium {
	return []harness.Medium{
		{Kind: harness.Clip, Length: 1500 * time.Millisecond, Seed: 1},
		{Kind: harness.Image, Width: 65, Height: 33, Seed: 1},
		{Kind: harness.Video, Length: time.Second, Width: 64, Height: 48, Seed: 1},
	}
}

func TestMake_isTheSameOfOneSeedAndSaltOnly(t *testing.T) {
	for _, m := range all() {
		one := media.Make(m, "run 1")
		assert.Equal(t, one, media.Make(m, "run 1"), m)
		assert.NotEqual(t, one, media.Make(m, "run 2"), m)
		m.Seed++
		assert.NotEqual(t, one, media.Make(m, "run 1"), m)
		m.File = []byte("of a file")
		assert.Equal(t, m.File, media.Make(m, "run 1"), "files are as they are")
	}
}

func TestMake_clipsHaveTheirLengthAndAreNoSilence(t *testing.T) {
	for _, length := range []time.Duration{100 * time.Millisecond, time.Second, 10*time.Second + time.Second/16} {
		file := media.Make(harness.Medium{Kind: harness.Clip, Length: length, Seed: 3}, "")
		got, err := media.WAVLength(bytes.NewReader(file))
		require.NoError(t, err)
		assert.Equal(t, length, got)
		sum := 0.0
		for i := 44; i < len(file); i += 2 {
			v := float64(int16(binary.LittleEndian.Uint16(file[i:])))
			sum += v * v
		}
		loud := math.Sqrt(sum / float64((len(file)-44)/2))
		assert.Greater(t, loud, 300.0, "of 32,768 at most: it can be heard")
		assert.Less(t, loud, 15_000.0)
		var packed bytes.Buffer
		to := gzip.NewWriter(&packed)
		_, _ = to.Write(file)
		_ = to.Close()
		assert.Greater(t, packed.Len(), len(file)/2, "it does not shrink as a tone would")
	}
}

func TestWAVLength_ofWhatIsNone(t *testing.T) {
	whole := media.Make(all()[0], "")
	for end := range len(whole) {
		_, err := media.WAVLength(bytes.NewReader(whole[:end]))
		require.Error(t, err, end)
	}
	_, err := media.WAVLength(strings.NewReader("ID3\x04 an MP3 file, say"))
	assert.EqualError(t, err, "it is no WAV file; convert it, for instance: ffmpeg -i clip.mp3 clip.wav")

	info := append(bytes.Clone(whole[:36]), "LIST\x04\x00\x00\x00INFO"...) // as many programs write
	got, err := media.WAVLength(bytes.NewReader(append(info, whole[36:]...)))
	require.NoError(t, err)
	assert.Equal(t, 1500*time.Millisecond, got)
}

func TestMake_imagesHaveTheirSizeAndAreNotFlat(t *testing.T) {
	got, err := jpeg.Decode(bytes.NewReader(media.Make(all()[1], "")))
	require.NoError(t, err)
	assert.Equal(t, image.Rect(0, 0, 65, 33), got.Bounds())
	seen := map[any]bool{}
	for x := range 65 {
		seen[got.At(x, x%33)] = true
	}
	assert.Greater(t, len(seen), 40, "colours along a diagonal")
}

func TestMake_videosHaveTheirFrames(t *testing.T) {
	file := media.Make(all()[2], "")
	assert.Equal(t, len(file)-8, int(binary.LittleEndian.Uint32(file[4:])))
	movie := bytes.Index(file, []byte("movi"))
	index := bytes.Index(file, []byte("idx1"))
	require.Positive(t, movie)
	entries := file[index+8:]
	require.Len(t, entries, 16*media.FrameRate)
	frames := map[string]bool{}
	for i := range media.FrameRate {
		entry := entries[16*i:]
		at, size := int(binary.LittleEndian.Uint32(entry[8:])), int(binary.LittleEndian.Uint32(entry[12:]))
		chunk := file[movie+at:]
		assert.Equal(t, "00dc", string(chunk[:4]))
		frame := chunk[8 : 8+size]
		of, err := jpeg.DecodeConfig(bytes.NewReader(frame))
		require.NoError(t, err)
		assert.Equal(t, []int{64, 48}, []int{of.Width, of.Height})
		frames[string(frame)] = true
	}
	assert.Len(t, frames, media.FrameRate, "no two are alike")
}

func TestKept_putsMediaBeforeTheText(t *testing.T) {
	var kept media.Kept
	m := kept.Message(harness.Message{Role: "user", Content: "What is this?", Media: all()}, "x")
	var got struct {
		Role    string
		Content []struct {
			Type, Text string
			Image      struct{ URL string }          `json:"image_url"`
			Video      struct{ URL string }          `json:"video_url"`
			Audio      struct{ Data, Format string } `json:"input_audio"`
		}
	}
	require.NoError(t, json.Unmarshal(m.Whole, &got))
	require.Len(t, got.Content, 4)
	assert.Equal(t, "user", got.Role)
	clip, err := base64.StdEncoding.DecodeString(got.Content[0].Audio.Data)
	require.NoError(t, err)
	assert.Equal(t, media.Make(all()[0], "x"), clip)
	assert.Equal(t, "wav", got.Content[0].Audio.Format)
	assert.True(t, strings.HasPrefix(got.Content[1].Image.URL, "data:image/jpeg;base64,/9j/"))
	assert.True(t, strings.HasPrefix(got.Content[2].Video.URL, "data:video/avi;base64,UklGR"))
	assert.Equal(t, "What is this?", got.Content[3].Text)

	again := kept.Message(harness.Message{Role: "user", Content: "What is this?", Media: all()}, "x")
	assert.Equal(t, string(m.Whole), string(again.Whole))
	plain := harness.Message{Role: "user", Content: "Hello"}
	assert.Equal(t, plain, kept.Message(plain, "x"))

	whole := harness.Message{Role: "user", Whole: []byte(`{"role":"user","name":"Ann","content":[{"type":"text","text":"And this?"}]}`), Media: all()[1:2]}
	raw := string(kept.Message(whole, "x").Whole)
	assert.Contains(t, raw, `"name":"Ann"`)
	assert.Less(t, strings.Index(raw, "image_url"), strings.Index(raw, "And this?"))
}

func BenchmarkMake(b *testing.B) {
	for _, m := range []harness.Medium{
		{Kind: harness.Clip, Length: 30 * time.Second},
		{Kind: harness.Image, Width: 1024, Height: 768},
		{Kind: harness.Video, Length: 5 * time.Second, Width: 320, Height: 240},
	} {
		b.Run(strings.ReplaceAll(m.String(), " ", "_"), func(b *testing.B) {
			for b.Loop() {
				b.SetBytes(int64(len(media.Make(m, "x"))))
			}
		})
	}
}
