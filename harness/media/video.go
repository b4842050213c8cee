package media

import (
	"encoding/binary"
	"image"
	"math"
	"math/rand/v2"
	"time"
)

// FrameRate is that of the videos that are made, in frames per second: more than servers look at.
const FrameRate = 8

// pan is by how many pixels each frame lies beside the one before.
const pan = 4

// video is an AVI file of JPEG images: a view that moves over a larger picture.
func video(length time.Duration, width, height int, r *rand.Rand) []byte {
	frames := make([][]byte, frames(length))
	large := canvas(width+pan*min(len(frames), width), height, r)
	for i := range frames {
		at := pan * (i % max(1, min(len(frames), width)))
		frames[i] = encoded(large.SubImage(image.Rect(at, 0, at+width, height)))
	}
	return avi(frames, width, height)
}

// frames is how many a video has.
func frames(length time.Duration) int { return max(1, int(math.Round(length.Seconds()*FrameRate))) }

// avi puts frames into a file, as Microsoft's "AVI RIFF File Reference" has it.
func avi(frames [][]byte, width, height int) []byte {
	largest := 0
	for _, frame := range frames {
		largest = max(largest, len(frame))
	}
	n := uint32(len(frames))
	header := words(1_000_000/FrameRate, uint32(largest*FrameRate), 0, hasIndex, n, 0, 1, uint32(largest), uint32(width), uint32(height), 0, 0, 0, 0)
	stream := append([]byte("vidsMJPG"), words(0, 0, 0, 1, FrameRate, 0, n, uint32(largest), ^uint32(0), 0, 0, uint32(height)<<16|uint32(width))...)
	format := append(words(40, uint32(width), uint32(height), 24<<16|1), "MJPG"...)
	format = append(format, words(uint32(3*width*height), 0, 0, 0, 0)...)
	of := list("strl", chunk("strh", stream), chunk("strf", format))

	movie, index := make([][]byte, 0, len(frames)), []byte{}
	at := uint32(len("movi"))
	for _, frame := range frames {
		movie = append(movie, chunk(frameName, frame))
		index = append(append(index, frameName...), words(isKeyFrame, at, uint32(len(frame)))...)
		at += uint32(len(movie[len(movie)-1]))
	}
	body := list("hdrl", chunk("avih", header), of)
	body = append(append(body, list("movi", movie...)...), chunk("idx1", index)...)
	return chunk("RIFF", append([]byte("AVI "), body...))
}

const (
	frameName  = "00dc"
	hasIndex   = 0x10
	isKeyFrame = 0x10
)

func words(of ...uint32) (out []byte) {
	for _, word := range of {
		out = binary.LittleEndian.AppendUint32(out, word)
	}
	return out
}

// chunk is a piece of such a file: its name, its length, its content, and a byte more where that is odd.
func chunk(name string, content []byte) []byte {
	out := append(append([]byte(name), words(uint32(len(content)))...), content...)
	if len(content)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

func list(name string, of ...[]byte) []byte {
	content := []byte(name)
	for _, piece := range of {
		content = append(content, piece...)
	}
	return chunk("LIST", content)
}
