// Package redact takes out of text what gives access to something: keys, tokens, passwords,
// cookies. All that is stored or printed passes it. Three rules work together:
//
//   - a value that is known to be a secret, because it was configured or stands in the
//     environment, is replaced wherever it occurs, also in base64, in a URL, in JSON, HTML
//     or Markdown ([Secrets]);
//   - a value with a name that says so, "hf_token" say, is replaced in JSON, in command lines,
//     and in text as programs print it ([Named]);
//   - what can be nothing but a secret is: the user and the password of a URL, what follows
//     "Bearer", tokens of well-known forms, private keys.
//
// Ordinary text stays. A known value of less than four characters is replaced where its
// name stands before it only, one of less than eight only where it is a word of its own: a key
// "x" must not blank every x.
package redact

// Hidden stands in place of a secret.
const Hidden = "…"

// Lengths of known values.
const (
	shortest  = 4 // below it a value is replaced by name only
	wordsOnly = 8 // below it a value is replaced as a word only
)

// Text takes secrets out of a text that came from outside.
func (s *Secrets) Text(text string) string {
	if text == "" {
		return text
	}
	text = s.values(text, false)
	return byForm(byName(text))
}

// Own takes known secrets out of a text of ours, which may quote one. Values that are
// ordinary words stay, for they may be words of ours, and so do values with names.
func (s *Secrets) Own(text string) string { return s.values(text, true) }
