package sentence

import (
	"fmt"
	"regexp"
	"strings"

	messages "github.com/cucumber/messages/go/v21"
)

// A Vocabulary is entries that can be matched, to find the one that reads a step.
type Vocabulary[W any] []Entry[W]

// Compile makes entries ready to be matched.
func Compile[W any](all []Entry[W]) Vocabulary[W] {
	for i := range all {
		all[i].matches = regexp.MustCompile(all[i].Pattern)
		all[i].anyCase = regexp.MustCompile(`(?i)` + all[i].Pattern)
	}
	return all
}

// reading is the entry that reads a text, and its arguments: as it stands, or else what it may stand for. Of several
// entries that match the first is given, with their number.
func (v Vocabulary[W]) reading(text string) (by *Entry[W], args []string, matches int) {
	match := func(text string, patternOf func(*Entry[W]) *regexp.Regexp) {
		for i := range v {
			found := patternOf(&v[i]).FindStringSubmatch(text)
			if found == nil {
				continue
			}
			if matches++; by == nil {
				by, args = &v[i], found[1:]
			}
		}
	}
	match(text, func(e *Entry[W]) *regexp.Regexp { return e.matches })
	if by != nil {
		return by, args, matches
	}
	for _, candidate := range candidates(text) {
		if match(candidate, func(e *Entry[W]) *regexp.Regexp { return e.anyCase }); by != nil {
			break
		}
	}
	return by, args, matches
}

// Read finds the sentence that reads a step; ok is false where there is none.
func (v Vocabulary[W]) Read(step *messages.PickleStep, where Where) (of Said[W], ok bool) {
	by, args, _ := v.reading(step.Text)
	if by == nil {
		return of, false
	}
	of = Said[W]{Entry: by, Args: args, At: func(row ...int) string { return where(step.AstNodeIds, row...) }}
	if step.Argument != nil {
		of.Table = step.Argument.DataTable
	}
	return of, true
}

// ReadText reads a sentence that is no step of a scenario, and has no table.
func (v Vocabulary[W]) ReadText(text string) (of Said[W], ok bool) {
	by, args, _ := v.reading(text)
	return Said[W]{Entry: by, Args: args, At: func(...int) string { return "" }}, by != nil
}

// published is the page of the vocabulary: a module that imports this one has no file of it.
const published = "https://github.com/vllmspec/vllmspec/blob/main/steps/vocabulary.md"

// Check finds a sentence that is not known before anything runs: godog would come to it only after the load. Phrases are
// what people write otherwise, with the sentence that they probably mean.
func (v Vocabulary[W]) Check(text string, phrases map[string]string) error {
	switch _, _, matches := v.reading(text); {
	case matches == 1:
		return nil
	case matches > 1:
		return fmt.Errorf("%q can be read in %d ways", text, matches)
	}
	if meant := v.meant(text, phrases); meant != "" {
		return fmt.Errorf("no sentence reads %q; did you mean %q? All of them are in "+published, text, meant)
	}
	return fmt.Errorf("no sentence reads %q; all of them are in "+published, text)
}

// Shapes are the sentences as a person would write them down.
func (v Vocabulary[W]) Shapes() (all []string) {
	for i := range v {
		all = append(all, v[i].Shape())
	}
	return all
}

// Matcher is what the sentence reads.
func (e *Entry[W]) Matcher() *regexp.Regexp { return e.matches }

// Shape is the sentence as a person would write it down, with … for what varies.
func (e *Entry[W]) Shape() string {
	shape := strings.Trim(e.Pattern, "^$")
	for _, group := range []string{`([^"]*)`, `(\S+)`, `(.+)`, `(\d+)`} {
		shape = strings.ReplaceAll(shape, group, "…")
	}
	shape = strings.ReplaceAll(shape, "(?:is|are)", "are")
	return strings.NewReplacer("(a|an exponential)", "a", "(missed|unknown)", "missed", "(prompts|answers)", "prompts", `(\S+%)`, "5%").Replace(shape)
}

// Does is what the sentence does, in one line.
func (e *Entry[W]) Does() string { return strings.Join(strings.Fields(e.Doc), " ") }
