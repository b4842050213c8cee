package mockvllm

import (
	"math"
	"math/rand/v2"
	"strings"
)

// words are what answers are made of; with its space each is one token.
var words = [...]string{
	" the", " of", " and", " a", " to", " in", " is", " it", " that", " was", " for", " on", " are", " with", " as", " at",
	" one", " by", " not", " from", " have", " this", " but", " what", " all", " were", " when", " we", " can", " more", " use", " an",
	" each", " she", " how", " up", " out", " many", " then", " them", " some", " her", " make", " like", " him", " into", " time", " has",
	" look", " two", " more", " go", " see", " no", " way", " who", " my", " than", " been", " call", " its", " now", " find", " long",
}

// An answer is what the server will say to a request, fixed by the seed and the
// request, whatever else goes on.
type answer struct {
	words  []uint8
	ids    []int
	finish string // stop, length or tool_calls
	call   *call  // a function is called instead of something said
}

// meanAnswer and spreadAnswer are those of answers that end by themselves: a
// log-normal length, in tokens.
const (
	meanAnswer   = 160.0
	spreadAnswer = 0.8
)

// draw decides how long the answer is and what it says. limit bounds it; with
// full it runs to the limit, and it has at least least tokens.
func draw(seed, identity uint64, limit, least int, full bool) answer {
	r := rand.New(rand.NewPCG(seed, identity))
	mu := math.Log(meanAnswer) - spreadAnswer*spreadAnswer/2
	n := max(4, least, int(math.Round(math.Exp(mu+spreadAnswer*r.NormFloat64()))))
	a := answer{finish: "stop"}
	if full || n >= limit {
		n, a.finish = limit, "length"
	}
	a.words = make([]uint8, n)
	a.ids = make([]int, n)
	for i := range a.words {
		w := r.IntN(len(words))
		a.words[i] = uint8(w)
		a.ids[i] = int(fnv(offset, words[w]) % 128_000)
	}
	return a
}

// text is the words of tokens [from, to).
func (a answer) text(from, to int) string {
	if a.call != nil {
		return ""
	}
	if to == from+1 {
		return words[a.words[from]]
	}
	var out strings.Builder
	for _, w := range a.words[from:to] {
		out.WriteString(words[w])
	}
	return out.String()
}
