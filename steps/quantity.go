package steps

import (
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// count reads a whole number of at least least.
func count(s, of string, least int) (int, error) {
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

// rate reads requests per second.
func rate(s string) (float64, error) {
	n, err := quantity.Number(s)
	if err == nil && n <= 0 {
		err = fmt.Errorf("requests arrive at %s per second; the rate must be above 0", s)
	}
	return n, err
}

// share reads "5%" as 0.05.
func share(s string) (float64, error) {
	n, err := quantity.Number(strings.TrimSpace(strings.TrimSuffix(s, "%")))
	switch {
	case err != nil || !strings.HasSuffix(s, "%"):
		return 0, fmt.Errorf("%q is no share; write 5%%", s)
	case n < 0 || n > 100:
		return 0, fmt.Errorf("a share of %s is impossible; it lies between 0%% and 100%%", s)
	}
	return n / 100, nil
}

// duration reads "30 seconds", "5 minutes", "1 hour", "200 milliseconds".
func duration(s string) (time.Duration, error) {
	units := map[string]time.Duration{
		"millisecond": time.Millisecond, "second": time.Second, "minute": time.Minute, "hour": time.Hour,
	}
	amount, unit, _ := strings.Cut(strings.TrimSpace(s), " ")
	n, err := quantity.Number(amount)
	if err != nil {
		return 0, fmt.Errorf("%q is no time; write 30 seconds, 5 minutes or 1 hour", s)
	}
	one, ok := units[strings.TrimSuffix(unit, "s")]
	if !ok {
		return 0, fmt.Errorf("%q is no unit of time%s", unit,
			spelling.DidYouMean(unit, []string{"milliseconds", "seconds", "minutes", "hours"}))
	}
	if n < 0 {
		return 0, fmt.Errorf("%q: a time cannot be negative", s)
	}
	return time.Duration(n * float64(one)), nil
}
