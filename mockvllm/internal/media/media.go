// Package media reads what requests hold beside text: forms with clips of sound, and images, videos and clips within
// messages. It looks at heads of files only: what they become in a model is so many tokens of what they hold.
package media

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	_ "image/gif"  // as vLLM reads them
	_ "image/jpeg" // the same
	_ "image/png"  // the same
	"math"
	"strings"

	"github.com/vllmspec/vllmspec/mockvllm/internal/hash"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// How many tokens media become: a patch of 28 by 28 pixels each, as with Qwen's models, two frames of a video
// together; and 50 for a second of sound, as with Whisper's encoder.
const (
	patch           = 28
	TokensPerSecond = 50
	mostFrames      = 32 // that a server looks at
)

// A refusal is what vLLM says of a medium that it cannot read.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	errImage = refusal("Failed to load image: cannot identify image file")
	errVideo = refusal("Failed to load video: no frames could be read")
	errAudio = refusal("Invalid or unsupported audio file.")
)

// A Medium is what one part of a message became.
type Medium struct {
	Hash   uint64
	Tokens []tokenizer.Token
}

// Read is the medium in a part of a message; ok is false where it holds none that can be looked at: text, or an
// address from which this server fetches nothing.
func Read(part map[string]any) (m Medium, ok bool, err error) {
	kind, _ := part["type"].(string)
	inner, _ := part[kind].(map[string]any)
	address, _ := inner["url"].(string)
	switch kind {
	case "image_url":
		return read(address, imageTokens, errImage)
	case "video_url":
		return read(address, videoTokens, errVideo)
	case "input_audio":
		data, _ := inner["data"].(string)
		return read("data:audio/wav;base64,"+data, clipTokens, errAudio)
	}
	return m, false, nil
}

func read(address string, count func([]byte) (int, error), bad error) (m Medium, ok bool, err error) {
	head, data, found := strings.Cut(address, ",")
	if !found || !strings.HasPrefix(head, "data:") {
		return m, false, nil
	}
	content, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return m, false, bad
	}
	n, err := count(content)
	if err != nil {
		return m, false, bad
	}
	m.Hash = hash.FNV(hash.Offset, content)
	m.Tokens = Tokens(m.Hash, n)
	return m, true, nil
}

// Tokens are so many, which depend on a hash: those of equal media are equal.
func Tokens(of uint64, n int) []tokenizer.Token {
	out := make([]tokenizer.Token, n)
	for i := range out {
		of = of*6364136223846793005 + 1442695040888963407 // Knuth's MMIX
		out[i] = tokenizer.Token(of>>33) % tokenizer.BeginText
	}
	return out
}

func imageTokens(content []byte) (int, error) {
	of, _, err := image.DecodeConfig(bytes.NewReader(content))
	return patches(of.Width, of.Height), err
}

func patches(width, height int) int {
	return max(1, (width+patch-1)/patch*((height+patch-1)/patch))
}

// videoTokens reads the head of an AVI file.
func videoTokens(content []byte) (int, error) {
	const header, needs = 32, 72 // where it begins and ends
	if len(content) < needs || string(content[:4]) != "RIFF" || string(content[8:12]) != "AVI " || string(content[24:28]) != "avih" {
		return 0, errVideo
	}
	field := func(i int) int { return int(binary.LittleEndian.Uint32(content[header+4*i:])) }
	frames, width, height := field(4), field(8), field(9)
	if frames == 0 || max(width, height) > 1<<14 {
		return 0, errVideo
	}
	return (min(frames, mostFrames) + 1) / 2 * patches(width, height), nil
}

func clipTokens(content []byte) (int, error) {
	seconds, err := Seconds(content)
	return int(math.Ceil(seconds * TokensPerSecond)), err
}

// Seconds is how long a WAV file plays.
func Seconds(file []byte) (float64, error) {
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return 0, errAudio
	}
	rate := uint32(0)
	for rest := file[12:]; len(rest) >= 8; {
		name, size := string(rest[:4]), binary.LittleEndian.Uint32(rest[4:])
		rest = rest[8:]
		if int64(size) > int64(len(rest)) {
			return 0, errAudio
		}
		switch {
		case name == "fmt " && size >= 16:
			rate = binary.LittleEndian.Uint32(rest[8:])
		case name == "data" && rate > 0 && size > 0:
			return float64(size) / float64(rate), nil
		}
		rest = rest[min(len(rest), int(size+size%2)):]
	}
	return 0, errAudio
}
