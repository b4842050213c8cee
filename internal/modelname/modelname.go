// Package modelname decides whether two names mean one model: people write
// "llama-3.1-8b" where a server says "meta-llama/Llama-3.1-8B-Instruct".
package modelname

import (
	"regexp"
	"strings"
	"unicode"
)

// Same reports whether a served name is the model that was named. All parts of the
// name must be there, in their order, and what the served name has besides must not
// make it another model: a size, a version, a quantisation or a modality does, an
// organisation, "Instruct" or a date does not. Where both name an organisation, it is
// the same one.
func Same(named, served string) bool {
	if strings.EqualFold(strings.TrimSpace(named), strings.TrimSpace(served)) {
		return strings.TrimSpace(named) != ""
	}
	wantedBy, wanted := split(named)
	servedBy, offered := split(served)
	if wantedBy != "" && servedBy != "" && wantedBy != servedBy || len(wanted) == 0 {
		return false
	}
	i := 0
	for _, p := range offered {
		switch {
		case i < len(wanted) && wanted[i].text == p.text:
			i++
		case !p.neutral:
			return false
		}
	}
	return i == len(wanted)
}

// A part of a name: "llama", "3", "1", "8b".
type part struct {
	text    string
	neutral bool // the model is the same without it
}

// split takes a name apart: its organisation, "" for none, and its parts. A dot
// separates like a dash does: names of Kubernetes have no dots.
func split(name string) (organisation string, parts []part) {
	name = strings.ToLower(strings.Trim(strings.TrimSpace(name), "/"))
	if i := strings.LastIndex(name, "/"); i >= 0 {
		organisation, name = name[:i], name[i+1:]
		if strings.HasPrefix(organisation, ".") || strings.ContainsAny(organisation, "/\\") {
			organisation = "" // a folder says nothing of who made the model
		}
	}
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("-_ :@", r) }) {
		neutral := neutralWord.MatchString(word)
		for _, text := range numbersApart(word) {
			parts = append(parts, part{text, neutral})
		}
	}
	return organisation, parts
}

// neutralWord is a word that a served name may have besides: the maker's name, how
// the model was tuned to answer, full precision, a release of the same weights' shape.
var neutralWord = regexp.MustCompile(`^(meta|instruct|chat|it|hf|base|latest|bf16|fp16|bfloat16|float16|dynamic|kv|v0\.\d+|\d{4,8})$`)

// numbersApart is "llama3.1" as "llama", "3", "1": a number begins a part, and its
// unit belongs to it.
func numbersApart(word string) (parts []string) {
	for _, piece := range strings.Split(word, ".") {
		begin := 0
		for i, r := range piece {
			if i > 0 && unicode.IsDigit(r) && !unicode.IsDigit(rune(piece[i-1])) {
				parts = append(parts, piece[begin:i])
				begin = i
			}
		}
		parts = append(parts, piece[begin:])
	}
	return parts
}
