// Package vector is what the mock's pooling models make of tokens. It depends on the tokens only: equal
// texts have equal vectors and equal scores, in every run.
package vector

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/vllmspec/vllmspec/mockvllm/internal/hash"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// Of is the unit vector of some tokens, of so many dimensions.
func Of(tokens []tokenizer.Token, dimensions int) []float32 {
	h := hash.Offset
	for _, token := range tokens {
		h = hash.Token(h, token)
	}
	draw := rand.New(rand.NewPCG(h, 1))
	out, length := make([]float32, dimensions), 0.0
	for i := range out {
		v := draw.NormFloat64()
		out[i], length = float32(v), length+v*v
	}
	for i := range out {
		out[i] /= float32(math.Sqrt(length))
	}
	return out
}

// Encoded is a vector as an answer has it: as numbers, or for "base64" as the bytes of its numbers.
func Encoded(vector []float32, format string) any {
	if format != "base64" {
		return vector
	}
	var raw bytes.Buffer
	_ = binary.Write(&raw, binary.LittleEndian, vector) // a buffer takes everything
	return base64.StdEncoding.EncodeToString(raw.Bytes())
}

// Likelihood of one of two classes, or of two texts going together; it lies between 0 and 1.
func Likelihood(tokens []tokenizer.Token) float64 {
	return (1 + float64(Of(tokens, 8)[0])) / 2
}

// Pairs joins one text with each of several, as a cross-encoder reads them.
func Pairs(one string, others []string) (prompts [][]tokenizer.Token) {
	for _, other := range others {
		prompts = append(prompts, append(append([]tokenizer.Token{tokenizer.BeginText}, tokenizer.Encode(one)...), append([]tokenizer.Token{tokenizer.EndTurn}, tokenizer.Encode(other)...)...))
	}
	return prompts
}
