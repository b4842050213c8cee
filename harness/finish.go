package harness

import (
	"slices"
	"strings"
	"unicode"
)

// gaveUp is the failure that a finish reason stands for by which the server says that it
// gave up; "" for one that ends a whole answer. Servers write such reasons in their own
// ways ("abort", "FINISH_ABORT", {"type": "abort"}), so that their words decide.
func gaveUp(finish string) Failure {
	for _, word := range wordsOf(finish) {
		switch word {
		case "abort", "aborted", "cancel", "cancelled", "canceled", "cancellation", "preempted", "killed", "interrupted":
			return Aborted
		case "timeout", "timedout", "deadline":
			return ServerTimeout
		case "error", "failed", "failure", "exception", "insufficient", "overloaded", "unavailable": // DeepSeek's insufficient_system_resource
			return ServerError
		}
	}
	if slices.Equal(wordsOf(finish), []string{"timed", "out"}) {
		return ServerTimeout
	}
	return ""
}

// wordsOf are the words of a finish reason, in lower case.
func wordsOf(finish string) []string {
	return strings.FieldsFunc(strings.ToLower(finish), func(c rune) bool { return !unicode.IsLetter(c) })
}

// wholeAnswers are the finish reasons of whole answers, as OpenAI's interface and the
// servers that speak it have them.
var wholeAnswers = [...]string{
	"stop", "length", "tool_calls", "tool_call", "tool_use", "function_call", "eos", "eos_token", "stop_sequence", "stop_token",
	"end_turn", "max_tokens", "max_length", "model_length", "repetition", "complete", "completed", "finished",
}

// KnownFinish reports whether the finish reason is one whose meaning is known.
func (r *Record) KnownFinish() bool {
	return r.Filtered() || r.Refused || gaveUp(r.Finish) != "" || slices.Contains(wholeAnswers[:], strings.ToLower(r.Finish))
}

// Filtered reports whether a filter of content ended the answer, or kept it from beginning.
func (r *Record) Filtered() bool {
	switch strings.ToLower(r.Finish) {
	case "content_filter", "safety", "recitation", "blocklist", "prohibited_content", "sensitive":
		return true
	}
	return false
}

// calls reports whether the answer was a call of a tool or a function, by its finish reason.
func (r *Record) calls() bool {
	switch strings.ToLower(r.Finish) {
	case "tool_calls", "tool_call", "tool_use", "function_call":
		return true
	}
	return false
}

// mayBeEmpty reports whether an answer of this kind is one without any content: one that was
// filtered or refused, or that called a tool in a form that we do not read.
func (r *Record) mayBeEmpty() bool {
	return r.Filtered() || r.calls() || strings.EqualFold(r.Finish, "refusal")
}
