// Package amount reads what sentences say of how many, how much and how long: "1,000", "5%", "30 seconds",
// "512 ± 64".
package amount

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// Count reads a whole number of at least least.
func Count(s, of string, least int) (int, error) {
	n, err := quantity.Number(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s: %w", of, err)
	case n != float64(int(n)):
		return 0, fmt.Errorf("%s: %s is no whole number", of, s)
	case int(n) < least:
		return 0, fmt.Errorf("%s: %s is too few; it must be at least %d", of, s, least)
	}
	return int(n), nil
}

// Rate reads requests per second.
func Rate(s string) (float64, error) {
	n, err := quantity.Number(strings.TrimSuffix(s, " requests"))
	if err == nil && n <= 0 {
		err = fmt.Errorf("requests arrive at %s per second; the rate must be above 0", s)
	}
	return n, err
}

// Share reads "5%" as 0.05.
func Share(s string) (float64, error) {
	n, err := quantity.Number(strings.TrimSpace(strings.TrimSuffix(s, "%")))
	switch {
	case err != nil || !strings.HasSuffix(s, "%"):
		return 0, fmt.Errorf("%q is no share; write 5%%", s)
	case n < 0 || n > 100:
		return 0, fmt.Errorf("a share of %s is impossible; it lies between 0%% and 100%%", s)
	}
	return n / 100, nil
}

// Coefficient reads a coefficient of variation of gaps between requests.
func Coefficient(variation string) (float64, error) {
	cv, err := quantity.Number(variation)
	if err == nil && (cv < 0.05 || cv > 20) {
		err = fmt.Errorf("a coefficient of variation of %s is too far from a Poisson process's 1; it lies between 0.05 and 20", variation)
	}
	return cv, err
}

// Duration reads "30 seconds", "5 min", "1 hour", "200ms".
func Duration(s string) (time.Duration, error) {
	d, err := quantity.Duration(s)
	if no, ok := errors.AsType[*quantity.NoTime](err); ok && no.Unit != "" {
		err = fmt.Errorf("%w%s", err, spelling.DidYouMean(no.Unit, []string{"milliseconds", "seconds", "minutes", "hours"}))
	}
	return d, err
}

// Length reads "512", "512 ± 64", "a log-normal 512 ± 256", or "100 to 900" tokens.
func Length(s string) (dataset.Length, error) { return LengthOf(s, "tokens") }

// LengthOf reads the same of something else.
func LengthOf(s, of string) (l dataset.Length, err error) {
	if from, to, ranges := strings.Cut(s, " to "); ranges {
		return evenLength(from, to, of)
	}
	rest, logNormal := strings.CutPrefix(s, "a log-normal ")
	mean, deviation, spread := strings.Cut(strings.NewReplacer("+/-", "±", "+-", "±").Replace(rest), "±")
	if l.Mean, err = Count(strings.TrimSpace(mean), of, 1); err != nil {
		return l, err
	}
	if spread {
		l.Deviation, err = Count(strings.TrimSpace(deviation), of, 0)
	}
	if l.LogNormal = logNormal; logNormal && !spread {
		return l, fmt.Errorf("%q does not say how much lengths vary; write a log-normal 512 ± 256", s)
	}
	return l, err
}

// evenLength is a length that is drawn evenly between two.
func evenLength(from, to, of string) (l dataset.Length, err error) {
	if l.From, err = Count(strings.TrimSpace(from), of, 1); err != nil {
		return l, err
	}
	if l.To, err = Count(strings.TrimSpace(to), of, 1); err != nil {
		return l, err
	}
	if l.To < l.From {
		return l, fmt.Errorf("%s to %s: the first must be the smaller one", from, to)
	}
	l.Mean = (l.From + l.To) / 2
	return l, nil
}

// Texts reads how many texts a request has, and how long they are.
func Texts(each, tokens, of string) (t dataset.Texts, err error) {
	if t.Length, err = Length(tokens); err != nil {
		return t, fmt.Errorf("%s: %w", of, err)
	}
	t.Each, err = Count(each, of, 1)
	return t, err
}

// Listed are settings as a sentence names them: "2, 4 and 8".
func Listed(all []float64) string {
	var words []string
	for _, setting := range all {
		words = append(words, strconv.FormatFloat(setting, 'f', -1, 64))
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
