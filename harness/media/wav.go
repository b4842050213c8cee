package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"
)

// SampleRate is that of the clips that are made, in Hz: what speech models take.
const SampleRate = 16_000

// clip is a WAV file of one channel of 16 bits, of an exact length.
func clip(length time.Duration, r *rand.Rand) []byte {
	samples := samples(length)
	file := make([]byte, 0, wavHead+2*samples)
	file = append(file, "RIFF"...)
	file = binary.LittleEndian.AppendUint32(file, uint32(wavHead-8+2*samples))
	file = append(file, "WAVEfmt "...)
	for _, field := range []any{uint32(16), uint16(1), uint16(1), uint32(SampleRate), uint32(2 * SampleRate), uint16(2), uint16(16)} {
		file, _ = binary.Append(file, binary.LittleEndian, field) // of fixed size
	}
	file = append(file, "data"...)
	file = binary.LittleEndian.AppendUint32(file, uint32(2*samples))
	v := newVoice(r)
	for range samples {
		file = binary.LittleEndian.AppendUint16(file, uint16(int16(v.next())))
	}
	return file
}

// samples is how many a clip has.
func samples(length time.Duration) int { return int(math.Round(length.Seconds() * SampleRate)) }

const wavHead = 44

// A voice is a sound in the rhythm of speech: syllables of a few per second, some voiced and some hissed, with
// pauses between, through resonances in the places of a mouth's. It says nothing.
type voice struct {
	r        *rand.Rand
	left     int     // samples of the syllable
	length   int     // of it
	loud     float64 // 0: a pause
	voiced   bool
	phase    float64 // of the pulse, 0 to 1
	pitch    float64 // pulses per sample
	resonant [3]resonance
}

func newVoice(r *rand.Rand) *voice { return &voice{r: r} }

// between is a number that is drawn evenly.
func (v *voice) between(from, to float64) float64 { return from + v.r.Float64()*(to-from) }

// begin draws a syllable, or a pause.
func (v *voice) begin() {
	v.length = int(v.between(0.08, 0.35) * SampleRate)
	v.left = v.length
	v.loud, v.voiced = v.between(0.4, 1), v.r.Float64() < 0.75
	if v.r.Float64() < 0.15 {
		v.loud = 0
	}
	v.pitch = v.between(90, 220) / SampleRate
	for i, hz := range [3][2]float64{{300, 800}, {900, 2200}, {2300, 3200}} {
		v.resonant[i].tune(v.between(hz[0], hz[1]), 60+40*float64(i))
	}
}

// next is the next sample.
func (v *voice) next() float64 {
	if v.left == 0 {
		v.begin()
	}
	v.left--
	noise := float64(int32(v.r.Uint32())) / (1 << 31)
	source := 0.05 * noise
	if v.voiced {
		if v.phase += v.pitch; v.phase >= 1 {
			v.phase--
			source += 6
		}
	} else {
		source += 0.5 * noise
	}
	at := float64(v.left) / float64(v.length)
	source *= v.loud * 4 * at * (1 - at) // it swells and fades
	sum := 0.0
	for i := range v.resonant {
		sum += v.resonant[i].pass(source)
	}
	return max(-32_000, min(32_000, 9_000*sum+40*noise))
}

// A resonance is a filter of two poles.
type resonance struct{ a, b, gain, last, before float64 }

func (f *resonance) tune(hz, width float64) {
	radius := math.Exp(-math.Pi * width / SampleRate)
	f.a, f.b = 2*radius*math.Cos(2*math.Pi*hz/SampleRate), -radius*radius
	f.gain = 1 - radius
}

func (f *resonance) pass(x float64) float64 {
	y := f.gain*x + f.a*f.last + f.b*f.before
	f.last, f.before = y, f.last
	return y
}

// WAVLength is how long a WAV file plays, by its head: its rate and its bytes of sound.
func WAVLength(file io.Reader) (time.Duration, error) {
	var head [12]byte
	if _, err := io.ReadFull(file, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return 0, errors.New("it is no WAV file; convert it, for instance: ffmpeg -i clip.mp3 clip.wav")
	}
	rate := uint32(0)
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(file, chunk[:]); err != nil {
			return 0, errors.New("it ends before its sound; was it cut off?")
		}
		size := binary.LittleEndian.Uint32(chunk[4:])
		switch string(chunk[:4]) {
		case "data":
			return played(file, size, rate)
		case "fmt ":
			var format [16]byte
			if _, err := io.ReadFull(file, format[:]); err != nil || size < 16 {
				return 0, errors.New("its format is cut off")
			}
			rate = binary.LittleEndian.Uint32(format[8:])
			size -= 16
		}
		if _, err := io.CopyN(io.Discard, file, int64(size)+int64(size)%2); err != nil {
			return 0, errors.New("it ends before its sound; was it cut off?")
		}
	}
}

// played is how long so many bytes of sound are, all of which must be there.
func played(file io.Reader, size, rate uint32) (time.Duration, error) {
	if rate == 0 || size == 0 {
		return 0, fmt.Errorf("it has %d bytes of sound at %d bytes per second", size, rate)
	}
	has, err := io.Copy(io.Discard, io.LimitReader(file, int64(size)))
	if err != nil || has < int64(size) {
		return 0, fmt.Errorf("%d of %d bytes of its sound are there; was it cut off?", has, size)
	}
	return time.Duration(float64(size) / float64(rate) * float64(time.Second)), nil
}
