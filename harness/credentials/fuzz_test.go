package credentials

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/redact"
)

// FuzzPrinted holds that what a key command prints is a key which stands in it, or refused, and that of a
// command that fails nothing it printed is shown.
func FuzzPrinted(f *testing.F) {
	for _, seed := range []string{"key\n", `{"access_token":"k3y","expires_in":3600}`, `{"status":{"token":"t0ken","expirationTimestamp":"2026-01-02T03:04:05Z"}}`, "a b", `{"access_token":"a b"}`, "e30.eyJleHAiOjF9.x", "e30.eyJleHAiOjFlMzA4fQ.x", `{"access_token":"k","expires_in":9223372036854775807}`, "\x00", "ключ"} {
		f.Add([]byte(seed))
	}
	now := time.Unix(1_800_000_000, 0)
	f.Fuzz(func(t *testing.T, out []byte) {
		value, _ := parse(out, now)
		if check(value, "it") == nil {
			require.NotEmpty(t, value)
			require.False(t, strings.ContainsAny(value, " \t\r\n\x00"), "%q", value)
		}
		c := command{secrets: new(redact.Secrets)}
		if shown := c.shown("it says "+value+" was refused", out); len(value) >= 8 && !strings.Contains("it says was refused…", value) {
			require.NotContains(t, shown, value)
		}
	})
}

// FuzzHeaders holds that headers are what may stand in a request, and no error shows a value.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{"X-Team: search; X-Zone: a", "X: a:b;", "X A: b", ";;", "Authorization: x", "X: a\r\nY: b", "Content-Length: 5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		headers, err := Headers(list)
		if err != nil {
			return
		}
		var again []string
		for _, h := range headers {
			require.False(t, strings.ContainsAny(h.Name+h.Value, "\r\n\x00"), "%q", h)
			require.True(t, isToken(h.Name) && h.Value != "")
			again = append(again, h.Name+": "+h.Value)
		}
		read, err := Headers(strings.Join(again, "; "))
		require.NoError(t, err)
		require.Equal(t, headers, read)
	})
}
