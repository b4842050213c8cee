package mockvllm

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"
)

// words are what answers are made of; with its space each is one token. Two are
// written in more bytes than letters, as text of other languages is.
var words = [...]string{
	" the", " of", " and", " a", " to", " in", " is", " it", " that", " was", " for", " on", " are", " with", " as", " at",
	" one", " by", " not", " from", " have", " this", " but", " what", " all", " were", " when", " we", " can", " café", " use", " an",
	" each", " she", " how", " up", " out", " many", " then", " them", " some", " her", " make", " like", " him", " into", " time", " has",
	" look", " two", " more", " go", " see", " no", " way", " who", " my", " than", " been", " call", " años", " now", " find", " long",
}

// wordIDs are the tokens of the words.
var wordIDs = sync.OnceValue(func() (ids [len(words)]token) {
	for i, w := range words {
		ids[i] = tokenize(w)[0]
	}
	return ids
})

// An answer is what the server will say to a request, fixed by the seed and the
// request, whatever else goes on.
type answer struct {
	words    []uint8
	ids      []token
	tail     []string // what the last tokens show, where a stop string took some of it
	thinking int      // tokens of reasoning, the marker at their end included
	finish   string   // stop, length or tool_calls
	stop     string   // the string that it stopped at
	call     *call    // a function is called instead of something said
}

// meanAnswer and spreadAnswer are those of answers that end by themselves: a
// log-normal length, in tokens.
const (
	meanAnswer   = 160.0
	spreadAnswer = 0.8
)

// A wish is what a request says of the answer's length.
type wish struct {
	most, least int
	full        bool // it runs to most
	thinks      bool
	stops       []string
	keepStop    bool
}

// draw decides how long the answer is and what it says.
func draw(seed, identity uint64, w wish) answer {
	r := rand.New(rand.NewPCG(seed, identity))
	mu := math.Log(meanAnswer) - spreadAnswer*spreadAnswer/2
	n := max(4, w.least, int(math.Round(math.Exp(mu+spreadAnswer*r.NormFloat64()))))
	a := answer{finish: "stop"}
	if w.full || n >= w.most {
		n, a.finish = w.most, "length"
	}
	a.words = make([]uint8, n)
	a.ids = make([]token, n)
	known := wordIDs()
	for i := range a.words {
		word := r.IntN(len(words))
		a.words[i] = uint8(word)
		a.ids[i] = known[word]
	}
	if w.thinks {
		a.thinking = int(float64(n) * (0.2 + 0.4*r.Float64()))
	}
	a.stopAt(w)
	return a
}

// spoken is a text that is said as it stands, bounded as every answer is.
func spoken(text string, limit int) answer {
	ids, pieces := encode(text)
	a := answer{ids: ids, tail: pieces, finish: "stop"}
	if len(ids) > limit {
		a.ids, a.tail, a.finish = ids[:limit], pieces[:limit], "length"
	}
	return a
}

// stopAt ends the answer at the first stop string in it, which its text leaves
// out, as vLLM's detokenizer does.
func (a *answer) stopAt(w wish) {
	if len(w.stops) == 0 {
		return
	}
	text, ends := "", make([]int, len(a.ids)) // where each token's text ends
	for i := range a.ids {
		text += words[a.words[i]]
		ends[i] = len(text)
		for _, stop := range w.stops {
			if stop == "" || i < w.least {
				continue
			}
			begin := 0 // what the least tokens say is not looked at
			if w.least > 0 {
				begin = max(0, ends[w.least-1]-len(stop)+1)
			}
			at := strings.Index(text[begin:], stop)
			if at < 0 {
				continue
			}
			at += begin
			if w.keepStop {
				at += len(stop)
			}
			first := 0
			for ends[first] <= at && first < i {
				first++
			}
			from := ends[first] - len(words[a.words[first]])
			a.tail = make([]string, i+1-first)
			a.tail[0] = text[from:max(from, at)]
			a.words, a.ids, a.finish, a.stop = a.words[:i+1], a.ids[:i+1], "stop", stop
			a.thinking = min(a.thinking, i)
			return
		}
	}
}

// word is the text of one token.
func (a *answer) word(at int) string {
	if a.call != nil || at == a.thinking-1 {
		return "" // a parser keeps these to itself
	}
	if i := at - (len(a.ids) - len(a.tail)); i >= 0 {
		return a.tail[i]
	}
	return words[a.words[at]]
}

// text is the words of tokens [from, to).
func (a *answer) text(from, to int) string {
	if to == from+1 {
		return a.word(from)
	}
	var out strings.Builder
	for at := from; at < to; at++ {
		out.WriteString(a.word(at))
	}
	return out.String()
}

// said is the whole text, reasoning and answer apart.
func (a *answer) said(tokens int) (reasoning, text string) {
	thinking := min(tokens, a.thinking)
	return a.text(0, thinking), a.text(thinking, tokens)
}
