package reports

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// span is a duration as people say it, with the digits that they want: 5 min,
// 1 min 30 s, 2.5 s, 40 ms.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < time.Minute:
		return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	}
	d = d.Round(time.Second)
	var parts []string
	for _, p := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / p.of; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, p.name))
			d -= n * p.of
		}
	}
	return strings.Join(parts, " ")
}

func spanNS(ns int64) string { return span(time.Duration(ns)) }

var (
	goDurations = regexp.MustCompile(`(^|[\s(±~])((?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?(?:s|ms|µs))\b`)
	bareNumbers = regexp.MustCompile(`(^|[\s(±~])(\d{4,})(\s|[,.;)]\s|$)`)
)

// humane is a sentence of the program's with its durations and numbers as people
// write them: "for 1m30s" becomes "for 1 min 30 s", "1000 requests" "1,000 requests".
func humane(sentence string) string {
	sentence = goDurations.ReplaceAllStringFunc(sentence, func(found string) string {
		parts := goDurations.FindStringSubmatch(found)
		d, err := time.ParseDuration(parts[2])
		if err != nil {
			return found
		}
		return parts[1] + span(d)
	})
	return bareNumbers.ReplaceAllStringFunc(sentence, func(found string) string {
		parts := bareNumbers.FindStringSubmatch(found)
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			return found
		}
		return parts[1] + grouped(n) + parts[3]
	})
}

// finite reports whether there is a value at all.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// grouped is 2417 as "2,417".
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Sentence is a cause as people read it, from its capital letter on.
func Sentence(cause string) string { return upper(humane(cause)) }

// upper begins a sentence.
func upper(sentence string) string {
	r, size := utf8.DecodeRuneInString(sentence)
	return string(unicode.ToUpper(r)) + sentence[size:]
}

// shortCommit is the beginning of a commit's name, with the "-dirty" that may stand
// behind it. The whole name stands under the environment.
func shortCommit(commit string) string {
	name, changed, _ := strings.Cut(commit, "-")
	if changed != "" {
		changed = "-" + changed
	}
	return name[:min(len(name), 12)] + changed
}
