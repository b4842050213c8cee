// Package media makes clips of sound, images and videos: of an exact length and size, no two of another seed alike,
// and none of them trivial to compress or to look at. Their formats are those that vLLM's loaders read: WAV, JPEG,
// and Motion JPEG in an AVI file.
package media

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"sync"

	"github.com/vllmspec/vllmspec/harness"
)

// Make is the content of a medium. Those of other salts are others, so that a server that keeps what it made of
// media finds nothing of an earlier run; files are as they are.
func Make(m harness.Medium, salt string) []byte {
	if m.File != nil {
		return m.File
	}
	hash := fnv.New64a()
	hash.Write([]byte(salt))
	r := rand.New(rand.NewPCG(m.Seed, hash.Sum64()))
	switch m.Kind {
	case harness.Image:
		return picture(m.Width, m.Height, r)
	case harness.Video:
		return video(m.Length, m.Width, m.Height, r)
	}
	return clip(m.Length, r)
}

// Part is a medium as a part of a message, as OpenAI's chats have it, and vLLM's for videos.
func Part(m harness.Medium, salt string) json.RawMessage {
	content := Make(m, salt)
	kind, head, tail := "image_url", `"url":"data:image/jpeg;base64,`, `"`
	switch m.Kind {
	case harness.Video:
		kind, head = "video_url", `"url":"data:video/avi;base64,`
	case harness.Clip:
		kind, head, tail = "input_audio", `"data":"`, `","format":"wav"`
	}
	part := append([]byte(`{"type":"`), kind...)
	part = append(append(append(part, `","`...), kind...), `":{`...)
	part = base64.StdEncoding.AppendEncode(append(part, head...), content)
	return append(append(part, tail...), "}}"...)
}

// keptBytes is how much is kept of late of what was made, and as much from before.
const keptBytes = 32 << 20

// A Kept is parts that were made, for the later turns of a conversation, which show them again, and for images that
// prompts have in common. The zero Kept holds none. Several goroutines may use it.
type Kept struct {
	mu         sync.Mutex
	young, old map[key]json.RawMessage
	size       int // of the young ones
}

type key struct {
	kind                harness.MediumKind
	length              int64
	width, height, seed uint64
	salt                string
}

// Part is a part that was made before, or is made now.
func (k *Kept) Part(m harness.Medium, salt string) json.RawMessage {
	if m.File != nil {
		return Part(m, salt)
	}
	name := key{m.Kind, int64(m.Length), uint64(m.Width), uint64(m.Height), m.Seed, salt}
	k.mu.Lock()
	part, ok := k.young[name]
	if !ok {
		part, ok = k.old[name]
	}
	k.mu.Unlock()
	if !ok {
		part = Part(m, salt)
	}
	k.keep(name, part)
	return part
}

func (k *Kept) keep(name key, part json.RawMessage) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.young[name]; ok {
		return
	}
	if k.young == nil || k.size+len(part) > keptBytes {
		k.young, k.old, k.size = map[key]json.RawMessage{}, k.young, 0
	}
	k.young[name] = part
	k.size += len(part)
}

// Message is a message whose media stand before its text, as parts.
func (k *Kept) Message(m harness.Message, salt string) harness.Message {
	if len(m.Media) == 0 {
		return m
	}
	parts := make([]json.RawMessage, 0, len(m.Media)+1)
	for _, medium := range m.Media {
		parts = append(parts, k.Part(medium, salt))
	}
	whole := map[string]any{"role": m.Role}
	var list []json.RawMessage
	if m.Whole != nil {
		var fields map[string]json.RawMessage
		_ = json.Unmarshal(m.Whole, &fields) // it was read from a file of messages
		for name, value := range fields {
			whole[name] = value
		}
		if json.Unmarshal(fields["content"], &list) != nil {
			_ = json.Unmarshal(fields["content"], &m.Content)
		}
	}
	if list == nil && m.Content != "" {
		text, _ := json.Marshal(map[string]string{"type": "text", "text": m.Content}) // of strings
		list = []json.RawMessage{text}
	}
	whole["content"] = append(parts, list...)
	raw, _ := json.Marshal(whole) // of JSON that was read, or made here
	return harness.Message{Role: m.Role, Content: m.Content, Whole: raw}
}
