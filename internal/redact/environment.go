package redact

import (
	"encoding/base64"
	"net/url"
	"os"
	"regexp"
	"strings"
)

// OfEnvironment are the secrets of an environment; nil where there are none.
func OfEnvironment(environ []string) *Secrets {
	s := new(Secrets)
	if s.AddEnvironment(environ); len(s.known) == 0 {
		return nil
	}
	return s
}

// AddEnvironment makes known what is secret in an environment, given as os.Environ gives it:
// values with names of secrets, headers, and what stands in addresses.
func (s *Secrets) AddEnvironment(environ []string) {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		switch words := wordsOf(name); {
		case value == "":
		case len(words) > 0 && words[len(words)-1] == "headers":
			s.addHeaders(value)
		case Named(name) && !likely.literal(value) && !isFile(value):
			s.Add(value)
		}
		if strings.Contains(value, "@") || strings.Contains(value, "://") && strings.Contains(value, "?") {
			ours := strings.HasPrefix(name, "VLLM") || strings.HasPrefix(name, "OTEL_") || strings.HasPrefix(name, "DCGM_")
			for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ' ' }) {
				s.addURL(part, ours)
			}
		}
	}
}

// isFile reports whether a value names a file, as that of SSH_AUTH_KEY does on some machines.
func isFile(value string) bool {
	_, err := os.Stat(value)
	return strings.HasPrefix(value, "/") && err == nil
}

// addHeaders makes the values of headers known: "X-Key: abc; X-Other: def", or as OpenTelemetry
// writes them "x-key=abc,x-other=def".
func (s *Secrets) addHeaders(list string) {
	for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ';' || r == ',' }) {
		at := strings.IndexAny(part, ":=")
		if at < 0 {
			continue
		}
		value := strings.TrimSpace(part[at+1:])
		if likely.literal(value) || strings.EqualFold(strings.TrimSpace(part[:at]), "Host") {
			continue // a number is no secret, and stands in much else; a host is an address
		}
		s.Add(value)
		if plain, err := url.QueryUnescape(value); err == nil {
			s.Add(plain)
		}
	}
}

var login = regexp.MustCompile(`//([^/\s]*)@`)

// AddURL makes known what is secret in an address, also in one that cannot be read: the password,
// or a user without one, and the values of its query.
func (s *Secrets) AddURL(raw string) { s.addURL(raw, true) }

// addURL is AddURL; of an address that is not for us only those values of the query that have a
// secret's name: others are words such as "production".
func (s *Secrets) addURL(raw string, ours bool) {
	u, err := url.Parse(raw)
	if err == nil && u.User != nil {
		user := u.User.Username()
		password, has := u.User.Password()
		if !has {
			password = user
		}
		s.Add(password, u.User.String(), base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	}
	if found := login.FindStringSubmatch(raw); found != nil {
		_, password, has := strings.Cut(found[1], ":")
		if !has {
			password = found[1]
		}
		s.Add(password)
	}
	_, query, _ := strings.Cut(raw, "?")
	query, _, _ = strings.Cut(query, "#")
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, found := strings.Cut(part, "=")
		if !found {
			value = name
		}
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		if ours && len(value) >= wordsOnly && !(name == apiVersion && isVersion(value)) || Named(name) {
			s.Add(value)
		}
	}
}
