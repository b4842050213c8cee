// Package spelling finds what was probably meant, for the
// "did you mean" of error messages.
package spelling

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Nearest is the known word that is closest to the one written, ignoring case,
// or "" when none is near enough to be meant. Near enough is at most a third of
// the letters wrong, and never more than three.
func Nearest(word string, known []string) string {
	best, least := "", min(3, (len(word)+2)/3)+1
	for _, k := range known {
		if d := Distance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// DidYouMean is `; did you mean "…"?` for the nearest known word, and otherwise
// a list of what is known.
func DidYouMean(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(known) == 0 {
		return ""
	}
	return "; known: " + strings.Join(known, ", ")
}

// NearestSentence is the known sentence that shares the most words with the one written, if that is
// at least half of them; "" for none. Case makes no difference,
// and a word that is nearly the same counts nearly as much.
func NearestSentence(written string, known []string) string {
	best, most := "", 0.5
	words := map[string]int{}
	for _, word := range strings.Fields(strings.ToLower(written)) {
		words[word]++
	}
	for _, sentence := range known {
		left, shared := maps.Clone(words), 0.0
		for _, word := range strings.Fields(strings.ToLower(sentence)) {
			like, alike := word, 1.0
			if left[word] == 0 && len(word) > 3 {
				like, alike = Nearest(word, slices.Sorted(maps.Keys(left))), 0.9
			}
			if left[like] > 0 {
				left[like]--
				shared += alike
			}
		}
		if share := 2 * shared / float64(len(strings.Fields(written))+len(strings.Fields(sentence))); share >= most {
			best, most = sentence, share
		}
	}
	return best
}

// Distance is how many letters must be put in, left out, exchanged or swapped
// with a neighbour to turn one word into the other (Damerau and Levenshtein's
// distance, restricted to disjoint edits).
func Distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
