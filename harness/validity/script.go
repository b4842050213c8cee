package validity

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// mostForeign is the share of letters of other scripts in an answer that is written in one: names
// and quotations.
const mostForeign = 0.2

// Letters checks that an answer is written in one script.
type Letters struct {
	Script string // as Unicode names it: Latin, Cyrillic, Han
	tables []*unicode.RangeTable
}

// InScript is the check for a script by its name in Unicode, in any case. Japanese is Han with
// Hiragana and Katakana: its check is "Japanese". "Korean" is Hangul with Han.
func InScript(name string) (Letters, error) {
	for known, tables := range scripts() {
		if strings.EqualFold(name, known) {
			return Letters{known, tables}, nil
		}
	}
	return Letters{}, fmt.Errorf("%q is no script%s", name, spelling.DidYouMean(name, slices.Sorted(maps.Keys(scripts()))))
}

// scripts are those of Unicode, and the languages that are written in several.
func scripts() map[string][]*unicode.RangeTable {
	all := map[string][]*unicode.RangeTable{
		"Japanese": {unicode.Han, unicode.Hiragana, unicode.Katakana},
		"Korean":   {unicode.Hangul, unicode.Han},
		"Chinese":  {unicode.Han, unicode.Bopomofo},
	}
	for name, table := range unicode.Scripts {
		if name != "Common" && name != "Inherited" {
			all[name] = []*unicode.RangeTable{table}
		}
	}
	return all
}

// Of counts letters. An answer without any, such as a number, is written in every script.
func (l Letters) Of(a harness.Answer) harness.Validity {
	letters, foreign := 0, 0
	for _, r := range a.Text {
		if unicode.IsLetter(r) && !unicode.In(r, unicode.Common, unicode.Inherited) {
			letters++
			if !unicode.In(r, l.tables...) {
				foreign++
			}
		}
	}
	if float64(foreign) > mostForeign*float64(letters) {
		return harness.Script
	}
	return harness.Valid
}

func (l Letters) String() string { return "is written in " + l.Script }
