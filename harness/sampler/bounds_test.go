package sampler_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// TestPage_isBounded has pages that are just within what is read of one, and just beyond.
func TestPage_isBounded(t *testing.T) {
	running := "vllm:num_requests_running{engine=\"0\"} 1\n"
	series := func(n int) string {
		var all strings.Builder
		for i := range n {
			fmt.Fprintf(&all, "vllm:num_requests_waiting{engine=\"%d\"} 1\n", i)
		}
		return all.String()
	}
	long := func(n int, name string) string { // a line of so many bytes
		line := name + "{x=\"\"} 1"
		return strings.Replace(line, "\"\"", `"`+strings.Repeat("x", n-len(line))+`"`, 1) + "\n"
	}
	for name, c := range map[string]struct{ page, fails string }{
		"as many series as are kept": {running + series(limit.Series-1), ""},
		"one more":                   {running + series(limit.Series), "the page has more than 40000 series that could be kept"},
		"a line as long as is read":  {running + long(limit.Line, "vllm:x"), ""},
		"a longer one":               {running + long(limit.Line+1, "vllm:x"), "line 2 of the page has 65537 bytes; at most 65536 are read"},
		"a longer one of no account": {running + long(limit.Line+1, "python_x"), ""},
		"many long lines":            {running + strings.Repeat(long(limit.Line, "vllm:x"), limit.Kept/limit.Line), "the page has more than 8 MiB of series that could be kept"},
	} {
		_, err := page(t, 200, "text/plain", c.page).Read(t.Context())
		if c.fails == "" {
			require.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.fails, name)
		}
	}
}
