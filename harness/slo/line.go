package slo

import (
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness/metric"
)

// SplitLine takes an objective in one line apart, "p95 TTFT at most 300 ms": what it is about, and what is
// expected of that.
func SplitLine(written string) (subject, expectation string, err error) {
	words := strings.Fields(written)
	for i := 1; i < len(words); i++ {
		subject, expectation = strings.Join(words[:i], " "), strings.Join(words[i:], " ")
		if _, wrong := ParseSubject(subject); wrong != nil {
			_, name := Grammar{}.splitStatistic(subject)
			if _, unknown := metric.Lookup(name); unknown == nil {
				err = wrong // its statistic is what is wrong
			}
			continue
		}
		if _, err = Parse(subject, expectation); err == nil {
			return subject, expectation, nil
		}
	}
	if err == nil {
		about, _, none := SplitRow(written)
		if none != nil {
			about = strings.Join(words[:min(2, len(words))], " ")
		}
		_, err = ParseSubject(about)
	}
	if err == nil {
		_, err = Parse(strings.Join(words, " "), "")
	}
	return "", "", fmt.Errorf("%q is no objective: %w; write 'p95 TTFT at most 300 ms'", written, err)
}
