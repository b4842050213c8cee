package line

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A fieldKind says what becomes of a field of a line.
type fieldKind int

const (
	unknownField  fieldKind = iota // not sent, and named once for the whole file
	sentField                      // asks the server for something: sent as it is
	ownField                       // the harness says it, such as the model
	describeField                  // says nothing about the work: names, categories
	refusedField                   // changes the work in a way that cannot be followed
)

// kindOf is the kind of a field. Under "body" and "extra_body" stand requests: a field
// that is not known there is for the server to know.
func kindOf(name string, inRequest bool) fieldKind {
	switch {
	case slices.Contains(sentFields, name):
		return sentField
	case slices.Contains([]string{"model", "stream", "stream_options", "request_id"}, name):
		return ownField
	case slices.Contains(refusedFields, name):
		return refusedField
	case slices.Contains(descriptions, name):
		return describeField
	case inRequest:
		return sentField
	}
	return unknownField
}

// Describes reports whether a field says nothing about the work, as names and categories do.
func Describes(name string) bool { return kindOf(name, false) == describeField }

// IsDescription reports whether a field is one by which files describe their prompts, whatever else it may be.
func IsDescription(name string) bool { return slices.Contains(descriptions, name) }

// sentFields are the fields of requests by which OpenAI's interface and vLLM's and
// SGLang's additions to it ask for something, without those that a line has by itself.
var sentFields = []string{
	"tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format", "structured_outputs",
	"guided_json", "guided_regex", "guided_choice", "guided_grammar", "guided_decoding_backend", "guided_whitespace_pattern", "structural_tag",
	"temperature", "top_p", "top_k", "min_p", "seed", "stop", "stop_token_ids", "include_stop_str_in_output", "logit_bias", "bad_words", "allowed_token_ids",
	"presence_penalty", "frequency_penalty", "repetition_penalty", "length_penalty", "logprobs", "top_logprobs", "prompt_logprobs",
	"reasoning_effort", "reasoning", "include_reasoning", "thinking_token_budget", "thinking", "enable_thinking", "separate_reasoning", "stream_reasoning", "verbosity",
	"chat_template", "chat_template_kwargs", "documents", "add_generation_prompt", "continue_final_message", "suffix",
	"mm_processor_kwargs", "media_io_kwargs", "truncate_prompt_tokens", "add_special_tokens", "skip_special_tokens", "spaces_between_special_tokens",
	"priority", "cache_salt", "kv_transfer_params", "vllm_xargs", "logits_processors", "return_token_ids", "return_tokens_as_token_ids",
	"modalities", "audio", "prediction", "web_search_options", "prompt_cache_key", "lora_path", "regex", "ebnf", "json_schema", "no_stop_trim",
}

// refusedFields name media beside the prompt, in forms that are not read, and prompts
// that are no text.
var refusedFields = []string{"images", "image", "image_url", "image_path", "image_urls", "video", "videos", "video_files", "video_url", "audios", "audio_files", "audio_url", "multi_modal_data", "prompt_embeds", "max_new_tokens", "min_new_tokens"}

// descriptions are the fields by which files describe their prompts.
var descriptions = []string{
	"id", "uid", "uuid", "document", "function", "passage", "context", "index", "idx", "name", "title", "category", "categories", "subcategory", "topic", "tag", "tags", "label", "labels", "source", "dataset", "split", "subset",
	"question_id", "conversation_id", "conversation_hash", "session_id", "user_id", "custom_id", "method", "url", "user", "metadata", "meta", "store", "service_tier", "safety_identifier",
	"language", "lang", "difficulty", "level", "domain", "type", "task", "task_id", "timestamp", "created", "created_at", "date", "author", "license", "comment", "notes", "description", "version",
	"answer", "answers", "reference", "references", "reference_answer", "response", "responses", "completion", "output", "expected", "expected_output", "ground_truth", "solution", "target", "score", "scores",
	"prompt_tokens", "input_tokens", "prompt_len", "input_len", "num_tokens", "tokens", "turn", "turns", "toxicity", "toxic", "redacted", "openai_moderation", "detoxify_moderation", "country", "state", "hashed_ip", "header",
}

// ownNames are the fields that a line has by itself.
var ownFields = []string{"prompt", "messages", "max_tokens", "max_completion_tokens", "output_tokens", "min_tokens", "ignore_eos", "n", "best_of", "echo", "use_beam_search", "image_files", "extra_body", "body"}

// slip is the field that was meant, where a name that is not known is a slip of one that
// is; "" where it is not. Short names are near too many others: "step" is no slip of "stop".
func slip(name string) string { return SlipAmong(name, slices.Concat(ownFields, sentFields)) }

// SlipAmong is slip among these names.
func SlipAmong(name string, known []string) string {
	if slices.Contains(known, name) {
		return ""
	}
	for _, k := range known {
		if source.Fold(k) == source.Fold(name) && k != name {
			return k // maxTokens, top-p
		}
	}
	const short = 7
	near := spelling.Nearest(name, known)
	if len(name) < short || len(near)-len(name) > 1 || len(name)-len(near) > 1 {
		return ""
	}
	return near
}

// other takes a field that is none of a line's own.
func (l *Line) other(name string, value json.RawMessage, inRequest bool) error {
	kind := kindOf(name, inRequest)
	if slices.Contains([]string{"reasoning", "thinking", "audio", "prediction"}, name) && value[0] != '{' && !inRequest {
		kind = unknownField // a request has an object there
	}
	switch kind {
	case refusedField:
		return fmt.Errorf(`%q is not sent, and the prompt would be another one without it; write images as parts of "messages", lengths as "max_tokens", or leave it out`, name)
	case sentField:
		if !slices.Contains(sentFields, name) {
			l.Unknown = append(l.Unknown, Unknown{name, true})
		}
		if l.Extra == nil {
			l.Extra = map[string]json.RawMessage{}
		}
		if before, twice := l.Extra[name]; twice && string(before) != string(value) {
			return fmt.Errorf("%q is said twice, on the line and under \"extra_body\"; keep one", name)
		}
		l.Extra[name] = value
	case unknownField:
		l.Unknown = append(l.Unknown, Unknown{name, false})
	}
	return nil
}

// askingColumns are the columns of a table that would have to be sent with each prompt.
// Other names of fields are as often something else in a table: a reasoning, documents.
func askingColumns() []string {
	return append(slices.Clone(refusedFields), "temperature", "top_p", "top_k", "min_p", "stop", "tools", "tool_choice", "functions", "response_format", "min_tokens", "ignore_eos",
		"n", "best_of", "logit_bias", "presence_penalty", "frequency_penalty", "repetition_penalty", "image_files", "extra_body")
}

// CheckColumn refuses a column of a table that would have to be sent.
func CheckColumn(name string) error {
	if slices.Contains(askingColumns(), name) {
		return fmt.Errorf("the column %q is not sent, and the answers would be others without it; write the prompts as .jsonl, or leave it out", name)
	}
	return nil
}

// An Unknown is the name of a field that is not known, and whether it is sent nevertheless.
type Unknown struct {
	Name string
	Sent bool
}

// Unknowns are those of a file. A name is looked at once: files have millions of lines.
type Unknowns struct {
	mu   sync.Mutex
	seen map[Unknown]bool
}

// Note takes those of a line, and refuses one that is a slip of a field that is known.
func (u *Unknowns) Note(names []Unknown) error { return u.NoteUnless(slip, names) }

// NoteUnless is Note with what finds a slip.
func (u *Unknowns) NoteUnless(slip func(name string) string, names []Unknown) error {
	if len(names) == 0 {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, field := range names {
		if u.seen[field] {
			continue
		}
		if meant := slip(field.Name); meant != "" {
			return fmt.Errorf("%q is not known; did you mean %q?", field.Name, meant)
		}
		if u.seen == nil {
			u.seen = map[Unknown]bool{}
		}
		if len(u.seen) < unknownMost {
			u.seen[field] = true
		}
	}
	return nil
}

// unknownMost bounds how many names are kept, and unknownShown how many are shown.
const (
	unknownMost  = 1000
	unknownShown = 8
)

// Remark names those that are not sent; none where there are none.
func (u *Unknowns) Remark(path string) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var names []string
	for field := range u.seen {
		if !field.Sent {
			names = append(names, field.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	more := ""
	if n := len(names) - unknownShown; n > 0 {
		names, more = names[:unknownShown], fmt.Sprintf(" and %d more", n)
	}
	return []string{fmt.Sprintf("fields of %s that are not sent to the server: %s%s", path, strings.Join(names, ", "), more)}
}
