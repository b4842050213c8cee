package sentence

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// varying is what stands for a blank of a sentence: a number with its unit of time, or a name in quotes.
var varying = regexp.MustCompile(`"[^"]*"|\d\S*(?: (?:milliseconds?|seconds?|minutes?|hours?|ms|secs?|s|mins?|h)\b)?`)

// blank is what varies in the shape of a sentence.
var blank = regexp.MustCompile(`"…"|…`)

// meant is the sentence that was probably meant, with the numbers and names that were written; "" for none. An
// objective that is written as a sentence is meant as a row.
func (v Vocabulary[W]) meant(text string, phrases map[string]string) string {
	if row := v.meantRow(text); row != "" {
		return row
	}
	written := rewritten(text)
	meaning := maps.Clone(phrases)
	if meaning == nil {
		meaning = map[string]string{}
	}
	for _, shape := range v.Shapes() {
		meaning[strings.ReplaceAll(shape, `"…"`, "…")] = shape
	}
	shape, values := meaning[spelling.NearestSentence(varying.ReplaceAllString(written, "…"), slices.Sorted(maps.Keys(meaning)))], varying.FindAllString(written, -1)
	if len(blank.FindAllString(shape, -1)) != len(values) {
		return shape
	}
	return blank.ReplaceAllStringFunc(shape, func(of string) string {
		value := values[0]
		values = values[1:]
		if strings.Contains(of, `"`) && !strings.Contains(value, `"`) {
			return of
		}
		return value
	})
}

// meantRow is the sentence and the row of an objective that stands where a sentence is expected.
func (v Vocabulary[W]) meantRow(text string) string {
	subject, expectation, err := slo.SplitRow(strings.TrimPrefix(strings.TrimPrefix(text, "the "), "The "))
	if err != nil {
		return ""
	}
	for i := range v {
		if !v[i].Late || v[i].Rows == nil {
			continue
		}
		if o, err := v[i].Rows(subject, expectation); err == nil {
			return v[i].Shape() + " | " + o.Subject() + " | " + strings.TrimSpace(strings.TrimPrefix(o.Text, o.Subject())) + " |"
		}
	}
	return ""
}
