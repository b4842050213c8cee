package store

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Name is the name of a run: run=20261123T221503Z-a-working-day-s-traffic.
func Name(start time.Time, scenario string) string {
	return "run=" + start.UTC().Format("20060102T150405Z") + "-" + slug(scenario)
}

// How long the scenario may be in a run's name. File systems count bytes, and encrypted ones
// allow 143 of them; a date, the number of a probe and that of a namesake come on top.
const (
	longestSlug  = 80 // characters
	longestBytes = 100
)

// slug keeps letters and digits and joins the words by hyphens. What is too long is cut between
// two characters, and ends in a digest of all of it: scenarios that begin alike stay apart.
func slug(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	out := strings.ToValidUTF8(strings.Join(words, "-"), "")
	if utf8.RuneCountInString(out) <= longestSlug && len(out) <= longestBytes {
		return out
	}
	digest := fmt.Sprintf("-%x", sha256.Sum256([]byte(s)))[:9]
	runes, size := 0, 0
	for at, r := range out {
		if runes++; runes > longestSlug-len(digest) || at+utf8.RuneLen(r) > longestBytes-len(digest) {
			break
		}
		size = at + utf8.RuneLen(r)
	}
	return strings.Trim(out[:size], "-") + digest
}

// CopyOf is the file in a run's folder that holds what a baseline, or other runs, were when the run was
// compared with them.
func CopyOf(baseline string) string { return "baseline-" + baseline + ".txt" }

// CopyOfRuns is [CopyOf] for runs that are named in words.
func CopyOfRuns(words string) string { return CopyOf(slug(words)) }

// IsRun reports whether a run can have this name: it is that of a folder beside others, and
// leads nowhere else.
func IsRun(name string) bool {
	return strings.HasPrefix(name, "run=") && name == filepath.Base(name) && !strings.ContainsAny(name, "/\\\x00")
}

// ShellQuoted is a path as a shell takes it.
func ShellQuoted(path string) string {
	if regexp.MustCompile(`^[\w@%+=:,./-]+$`).MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
