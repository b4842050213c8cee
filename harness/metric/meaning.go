package metric

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// Means reports whether a metric has a meaning for such answers. Answers that come at once have no
// first token, and of what is pooled no token is generated.
func (m Metric) Means(a harness.Answers) bool {
	switch of := m.Source.(type) {
	case Latency:
		pieces := of.From.isPiece() || of.To.isPiece()
		return (a.Streams() || !pieces) && of.Per.means(a)
	case Gap, LongestGap, Coalesced:
		return a.Streams()
	case OwnTime:
		return a.Streams() || of.Column != ReadDelay().Column
	case RequestCount:
		return of.means(a)
	case Total:
		return of.Of.means(a)
	case Energy:
		return of.Per.means(a)
	case ValidAnswers:
		return a.Generates() && !a.Transcribes()
	case Histogram:
		return a.Generates() || !slices.Contains(ofTokens(), of.Name)
	case Gauge:
		return a.Generates() || of.Series != vllm.GenerationTokens
	}
	return true
}

// means reports whether such requests have something of a divisor.
func (p Per) means(a harness.Answers) bool {
	switch p {
	case Input:
		return !a.Generates()
	case ClipSecond:
		return a.Transcribes()
	}
	return a.CountsTokens() || !p.countsTokens()
}

// isPiece reports whether an instant is that of a piece of the answer.
func (i Instant) isPiece() bool { return i == FirstChunk || i == FirstAnswer || i == LastChunk }

func (c RequestCount) means(a harness.Answers) bool {
	switch c.Column {
	case "inputs":
		return !a.Generates()
	case "prompt_tokens":
		return a != harness.TranscriptsAtOnce
	case "len(chunk_ns)":
		return a.Streams()
	}
	return a.CountsTokens()
}

func (of Amount) means(a harness.Answers) bool {
	switch of {
	case Inputs, PromptTokens:
		return !a.Generates()
	case OutputTokens:
		return a.CountsTokens()
	case ClipSeconds:
		return a.Transcribes()
	}
	return true
}

// ofTokens are the server's histograms of what it generates.
func ofTokens() []string {
	return []string{vllm.TimeToFirstToken, vllm.InterTokenLatency, vllm.RequestTimePerOutputToken, vllm.RequestDecodeTime}
}

// Meaningful are the metrics of the catalogue that have a meaning for such answers.
func Meaningful(a harness.Answers) []Metric {
	return slices.DeleteFunc(Metrics(), func(m Metric) bool { return !m.Means(a) })
}

// CheckMeaning refuses a row about a metric that has no meaning over an interface. The error names those
// that have one.
func CheckMeaning(o harness.Objective, over harness.Interface) error {
	m, err := OfRow(o)
	if err != nil || m.Means(over.Answers) {
		return err
	}
	var names []string
	for _, other := range Meaningful(over.Answers) {
		if !other.IsSampled() && !other.IsOwn() {
			names = append(names, other.Name)
		}
	}
	return fmt.Errorf("%s; these have one: %s, and those of the server, the host and the GPUs", Meaningless(m, over), strings.Join(names, ", "))
}

// Meaningless is why a metric has no meaning over an interface.
func Meaningless(m Metric, over harness.Interface) string {
	why := "no texts are pooled, and no clips transcribed"
	switch over.Answers {
	case harness.AtOnce:
		why = "its answers come at once, not token by token"
	case harness.Transcripts:
		why = "what is asked are clips, and the answers what is said in them"
	case harness.TranscriptsAtOnce:
		why = "its transcripts come at once, and the server does not count their tokens"
	case harness.Pooled:
		why = "no token is generated"
	}
	where := "here"
	if over.Name != "" {
		where = fmt.Sprintf("over %q", over.Name)
	}
	return fmt.Sprintf("%s has no meaning %s: %s", m.Name, where, why)
}
