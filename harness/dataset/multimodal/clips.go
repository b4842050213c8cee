// Package multimodal is what is asked beside text: clips of sound that are transcribed, and images, videos and clips
// that go with the prompts of another dataset. They are made when their requests are, or read from files.
package multimodal

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/media"
)

// Clips are clips that are made, each of which is transcribed. No two are alike.
type Clips struct {
	Seconds   dataset.Length // of each
	MaxTokens int            // of a transcript; 0: the server's bound
}

func (d Clips) String() string { return fmt.Sprintf("clips of %s seconds", d.Seconds) }

// Conversations implements [harness.Dataset].
func (d Clips) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for {
			seconds := min(d.Seconds.Draw(r), int(LongestClip/time.Second))
			clip := harness.Medium{Kind: harness.Clip, Length: time.Duration(seconds) * time.Second, Seed: r.Uint64()}
			if !yield(single(clip, d.MaxTokens)) {
				return
			}
		}
	}, nil
}

func single(clip harness.Medium, most int) harness.Conversation {
	return harness.Conversation{Turns: []harness.Prompt{{Media: []harness.Medium{clip}, MaxTokens: most}}}
}

// MarshalJSON describes the dataset: see [dataset.Describe].
func (d Clips) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"kind": "clips", "says": d.String(), "max_tokens": d.MaxTokens})
}

// Recordings are clips in WAV files, each of which is transcribed: in random order, and again from the first when all
// were.
type Recordings struct {
	FS        fs.FS
	Name      string   // of their folder, for a reader
	Files     []string // in it
	MaxTokens int      // of a transcript; 0: the server's bound

	lengths []time.Duration // of the files
}

func (d *Recordings) String() string { return "clips of " + d.Name }

// mostBytes is how long a recording may be: what vLLM takes, unless it is set otherwise, with room.
const mostBytes = 256 << 20

// Check reads how long each recording is.
func (d *Recordings) Check() error {
	d.lengths = nil
	for _, name := range d.Files {
		length, err := d.length(name)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", d.Name, name, err)
		}
		d.lengths = append(d.lengths, length)
	}
	return nil
}

func (d *Recordings) length(name string) (time.Duration, error) {
	file, err := d.FS.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() > mostBytes {
		return 0, fmt.Errorf("it has %d MiB; a clip has %d at most", info.Size()>>20, mostBytes>>20)
	}
	return media.WAVLength(file)
}

// Count is how many there are.
func (d *Recordings) Count() (int, error) { return len(d.Files), nil }

// Conversations implements [harness.Dataset]. The recordings were checked.
func (d *Recordings) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	if len(d.lengths) == 0 {
		if err := d.Check(); err != nil {
			return nil, err
		}
	}
	return func(yield func(harness.Conversation) bool) {
		for {
			for _, i := range r.Perm(len(d.Files)) {
				raw, err := fs.ReadFile(d.FS, d.Files[i])
				c := single(harness.Medium{Kind: harness.Clip, Length: d.lengths[i], File: raw}, d.MaxTokens)
				if err != nil {
					c = harness.Conversation{Err: fmt.Errorf("%s: %w", d.Name, err)}
				}
				if !yield(c) || err != nil {
					return
				}
			}
		}
	}, nil
}

// MarshalJSON describes the dataset: see [dataset.Describe].
func (d *Recordings) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"kind": "recordings", "path": d.Name, "max_tokens": d.MaxTokens})
}
