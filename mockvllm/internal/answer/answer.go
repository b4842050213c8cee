// Package answer decides what the mock says: a text drawn from the seed and the
// request, one given in advance, or the call of a function.
package answer

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// words are what answers are made of; with its space each is one token. Two are
// written in more bytes than letters, as text of other languages is.
var words = [...]string{
	" the", " of", " and", " a", " to", " in", " is", " it", " that", " was", " for", " on", " are", " with", " as", " at",
	" one", " by", " not", " from", " have", " this", " but", " what", " all", " were", " when", " we", " can", " café", " use", " an",
	" each", " she", " how", " up", " out", " many", " then", " them", " some", " her", " make", " like", " him", " into", " time", " has",
	" look", " two", " more", " go", " see", " no", " way", " who", " my", " than", " been", " call", " años", " now", " find", " long",
}

// Words are the words that answers are made of.
func Words() []string { return words[:] }

// WordIDs are the tokens of the words; its first call unpacks the vocabulary.
var WordIDs = sync.OnceValue(func() (ids [len(words)]tokenizer.Token) {
	for i, w := range words {
		ids[i] = tokenizer.Encode(w)[0]
	}
	return ids
})

// An Answer is what the server will say to a request, fixed by the seed and the
// request, whatever else goes on.
type Answer struct {
	words     []uint8
	IDs       []tokenizer.Token
	Tail      []string // what the last tokens show, where a stop string took some of it
	Reasoning int      // tokens of reasoning, the marker at their end included
	Finish    string   // stop, length or tool_calls
	Stop      string   // the string that it stopped at
	Call      *Call    // a function is called instead of something said
}

// meanAnswer and spreadAnswer are those of answers that end by themselves: a
// log-normal length, in tokens.
const (
	meanAnswer   = 160.0
	spreadAnswer = 0.8

	spreadTranscript = 0.15 // people speak at about one pace
)

// A Spec is what a request says of its answer: how long it is, and where it stops.
type Spec struct {
	Max, Min int
	Full     bool    // it runs to Max
	Reasons  bool    // it begins with a reasoning part
	Mean     float64 // tokens on average; 0: meanAnswer, with a wide spread
	Stops    []string
	KeepStop bool
}

// Draw decides how long the answer is and what it says.
func Draw(seed, identity uint64, w Spec) Answer {
	r := rand.New(rand.NewPCG(seed, identity))
	mean, spread := meanAnswer, spreadAnswer
	if w.Mean > 0 {
		mean, spread = w.Mean, spreadTranscript
	}
	mu := math.Log(mean) - spread*spread/2
	n := max(4, w.Min, int(math.Round(math.Exp(mu+spread*r.NormFloat64()))))
	a := Answer{Finish: "stop"}
	if w.Full || n >= w.Max {
		n, a.Finish = w.Max, "length"
	}
	a.words = make([]uint8, n)
	a.IDs = make([]tokenizer.Token, n)
	known := WordIDs()
	for i := range a.words {
		word := r.IntN(len(words))
		a.words[i] = uint8(word)
		a.IDs[i] = known[word]
	}
	if w.Reasons {
		a.Reasoning = int(float64(n) * (0.2 + 0.4*r.Float64()))
	}
	a.stopAt(w)
	return a
}

// Quote is a text that is said as it stands, bounded as every answer is.
func Quote(text string, limit int) Answer {
	ids, pieces := tokenizer.EncodePieces(text)
	a := Answer{IDs: ids, Tail: pieces, Finish: "stop"}
	if len(ids) > limit {
		a.IDs, a.Tail, a.Finish = ids[:limit], pieces[:limit], "length"
	}
	return a
}

// Looped is the answer of a model that is caught in a loop: its first half, and then one word until the limit.
func (a *Answer) Looped(limit int) Answer {
	half := len(a.IDs) / 2
	word := words[0]
	looped := Quote(a.Text(0, half)+strings.Repeat(word, limit), limit)
	looped.Finish = "length"
	return looped
}

// stopAt ends the answer at the first stop string in it, which its text leaves
// out, as vLLM's detokenizer does.
func (a *Answer) stopAt(w Spec) {
	if len(w.Stops) == 0 {
		return
	}
	text, ends := "", make([]int, len(a.IDs)) // where each token's text ends
	for i := range a.IDs {
		text += words[a.words[i]]
		ends[i] = len(text)
		for _, stop := range w.Stops {
			if stop == "" || i < w.Min {
				continue
			}
			begin := 0 // what the least tokens say is not looked at
			if w.Min > 0 {
				begin = max(0, ends[w.Min-1]-len(stop)+1)
			}
			at := strings.Index(text[begin:], stop)
			if at < 0 {
				continue
			}
			at += begin
			if w.KeepStop {
				at += len(stop)
			}
			first := 0
			for ends[first] <= at && first < i {
				first++
			}
			from := ends[first] - len(words[a.words[first]])
			a.Tail = make([]string, i+1-first)
			a.Tail[0] = text[from:max(from, at)]
			a.words, a.IDs, a.Finish, a.Stop = a.words[:i+1], a.IDs[:i+1], "stop", stop
			a.Reasoning = min(a.Reasoning, i)
			return
		}
	}
}

// Word is the text of one token.
func (a *Answer) Word(at int) string {
	if a.Call != nil || at == a.Reasoning-1 {
		return "" // a parser keeps these to itself
	}
	if i := at - (len(a.IDs) - len(a.Tail)); i >= 0 {
		return a.Tail[i]
	}
	return words[a.words[at]]
}

// Text is the words of tokens [from, to).
func (a *Answer) Text(from, to int) string {
	if to == from+1 {
		return a.Word(from)
	}
	var out strings.Builder
	for at := from; at < to; at++ {
		out.WriteString(a.Word(at))
	}
	return out.String()
}

// Parts is the whole text, reasoning and answer apart.
func (a *Answer) Parts(tokens int) (reasoning, text string) {
	thinking := min(tokens, a.Reasoning)
	return a.Text(0, thinking), a.Text(thinking, tokens)
}
