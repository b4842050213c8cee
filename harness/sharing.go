package harness

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/vllmspec/vllmspec/harness/internal/prefix"
)

// sharing is what a run knows of how its prompts begin.
type sharing struct{ *prefix.Sharing }

// outline is that of a prompt, which is made now if it was not before.
func (s sharing) outline(p *Prompt) *prefix.Outline {
	if p.outline == nil {
		p.outline = s.outlineOf(p)
	}
	return p.outline
}

// outlineOf makes the outline of a prompt.
func (s sharing) outlineOf(p *Prompt) *prefix.Outline {
	o := &prefix.Outline{Exact: p.TokenIDs != nil, Chat: p.Messages != nil, Opaque: p.Inputs != nil || p.hasMedia()}
	w := s.Write(o, p.Model, p.CacheSalt, string(p.Extra["cache_salt"]))
	for _, head := range []string{"tools", "documents"} { // templates put them before what was said
		w.Add(p.Extra[head])
	}
	for i, m := range p.Messages {
		if i == p.said && i > 0 {
			w.Said()
		}
		w.Add([]byte(m.Role))
		w.Add([]byte{0})
		w.Add([]byte(m.Content))
		w.Add(m.Whole)
		addMedia(w, m.Media)
		o.Opaque = o.Opaque || beyondText(m.Whole)
	}
	addMedia(w, p.Media)
	w.Add([]byte(p.Text))
	w.AddTokens(p.TokenIDs)
	return o
}

// addMedia adds what tells media from each other.
func addMedia(w *prefix.Writer, media []Medium) {
	for _, m := range media {
		w.Add(binary.LittleEndian.AppendUint64([]byte(m.String()), m.Seed))
		w.Add(m.File)
	}
}

// shareable is how many of a prompt's tokens, as the server counted them, can have been
// in its prefix cache because the run asked them before, at most; [Unreported] where that
// cannot be said.
func (s sharing) shareable(o *prefix.Outline, due time.Duration, tokens int) int {
	if n, ok := s.Shareable(o, due, tokens); ok {
		return n
	}
	return Unreported
}

// beyondText reports whether a message has parts of which bytes do not tell how many
// tokens they are.
func beyondText(whole []byte) bool {
	for _, kind := range []string{`"image`, `"video`, `"audio`, `"input_audio`} { // image_url, image_embeds, …
		if bytes.Contains(whole, []byte(kind)) {
			return true
		}
	}
	return false
}
