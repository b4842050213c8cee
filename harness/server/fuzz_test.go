package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/server"
)

// FuzzWords holds that words which are quoted are read as they were, and that words are read as they
// are written again.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{"vllm serve x --port 8000", `a "b c" 'd e' f\ g`, `"\$" '\'`, "a\tb\nc", `''`, `a|b`, `"`, `\`, "größe 'ß'"} {
		f.Add(seed)
	}
	quoted := func(words []string) string {
		out := make([]string, len(words))
		for i, word := range words {
			out[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		return strings.Join(out, " ")
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := server.Words(line)
		if err != nil {
			return
		}
		again, err := server.Words(quoted(words))
		require.NoError(t, err)
		require.Equal(t, words, again)
		if !strings.ContainsAny(line, "\"'\\|&;<>`") && strings.ToValidUTF8(line, "") == line {
			require.Equal(t, strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) }), append([]string{}, words...))
		}
	})
}

// FuzzParseURL holds that a base address is one of its own, and that no error shows a password.
func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"http://127.0.0.1:8000", "http://a//v1", "a:1", "http://a:0", "http://:80", "https://u:p@[::1]:8443/x/", "http://a/v1", "http://user:pass word@host:xx", "ftp://a", "http://", "http://a?b=c", "http://a//b/../c/", "HTTP://A:80", "http://%zz@a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		base, err := server.ParseURL(raw)
		if err == nil {
			again, err := server.ParseURL(base)
			require.NoError(t, err, "%q of %q", base, raw)
			require.Equal(t, base, again)
			require.False(t, strings.HasSuffix(base, "/"), base)
		}
		const secret = "pl4ntedS3cret"
		for _, planted := range []string{"http://user:" + secret + "@" + raw, "http://" + raw + "?k=" + secret, strings.Replace(raw, "://", "://"+secret+"@", 1)} {
			if _, err := server.ParseURL(planted); err != nil && strings.Contains(err.Error(), secret) && !strings.ContainsAny(raw, "/?#") {
				t.Fatalf("%q shows it: %v", planted, err)
			}
		}
	})
}
