package steps

import (
	"errors"
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
	n, err := quantity.Number(strings.TrimSuffix(s, " requests"))
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

// duration reads "30 seconds", "5 min", "1 hour", "200ms".
func duration(s string) (time.Duration, error) {
	d, err := quantity.Duration(s)
	if no, ok := errors.AsType[*quantity.NoTime](err); ok && no.Unit != "" {
		err = fmt.Errorf("%w%s", err, spelling.DidYouMean(no.Unit, []string{"milliseconds", "seconds", "minutes", "hours"}))
	}
	return d, err
}
