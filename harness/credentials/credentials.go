// Package credentials is what a server lets us in for: a bearer token that stays
// the same, that stands in a file, or that a command tells; and headers. A token that
// is renewed makes each value known to those who take secrets out of texts.
package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How often a token's source is looked at.
const (
	lookAtFile  = time.Second     // Kubernetes swaps the files of its tokens
	ofUnknown   = 5 * time.Minute // a command's token that does not say when it expires
	afterAskFor = 5 * time.Second // a refused token, or a command that did not succeed
)

// A Token is the bearer token of the moment. The zero of its pointer is none.
type Token struct {
	value   atomic.Pointer[string]
	refused chan struct{}
	going   context.Context // until it is closed
	stop    context.CancelFunc
	ended   sync.WaitGroup

	mu   sync.Mutex
	seen []string   // all that it was
	told []*Secrets // that know it
}

// Fixed is a token that stays the same; "" is none.
func Fixed(value string) *Token {
	if value == "" {
		return nil
	}
	t := newToken()
	t.set(value)
	return t
}

// InFile is the token in a file, which is read again all the time: who
// renews the token writes it there.
func InFile(path string) (*Token, error) {
	value, err := readFile(path)
	if err != nil {
		return nil, err
	}
	t := newToken()
	t.set(value)
	t.ended.Go(func() { t.followFile(path) })
	return t, nil
}

func newToken() *Token {
	t := &Token{refused: make(chan struct{}, 1)}
	t.going, t.stop = context.WithCancel(context.Background())
	return t
}

func readFile(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	value := string(bytes.TrimSpace(raw))
	return value, check(value, path)
}

// check refuses what cannot stand in a header, without showing it.
func check(value, from string) error {
	switch {
	case value == "":
		return fmt.Errorf("%s holds no key", from)
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return fmt.Errorf("%s holds more than a key: it has several words or lines", from)
	}
	return nil
}

func (t *Token) followFile(path string) {
	ticker := time.NewTicker(lookAtFile)
	defer ticker.Stop()
	for {
		select {
		case <-t.going.Done():
			return
		case <-ticker.C:
		}
		if value, err := readFile(path); err == nil { // else it is being written just now
			t.set(value)
		}
	}
}

// Value is the token now; "" is none.
func (t *Token) Value() string {
	if t == nil {
		return ""
	}
	return *t.value.Load()
}

func (t *Token) set(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.seen, value) {
		t.seen = append(t.seen, value)
		for _, secrets := range t.told {
			secrets.Add(value)
		}
	}
	t.value.Store(&value)
}

// Refused says that the server does not take the token any more. A command is
// asked for another one soon; a request that was refused stays refused.
func (t *Token) Refused() {
	if t == nil {
		return
	}
	select {
	case t.refused <- struct{}{}:
	default:
	}
}

// Tell makes known to secrets all that the token ever was, and whatever it will be.
func (t *Token) Tell(secrets *Secrets) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.told, secrets) {
		t.told = append(t.told, secrets)
	}
	secrets.Add(t.seen...)
}

// Close ends the renewing.
func (t *Token) Close() {
	if t == nil {
		return
	}
	t.stop()
	t.ended.Wait()
}

// A Header is one that every request carries.
type Header struct{ Name, Value string }

// Headers reads "X-Team: search; X-Zone: a". Its errors show no values.
func Headers(s string) ([]Header, error) {
	var headers []Header
	for part := range strings.SplitSeq(s, ";") {
		name, value, found := strings.Cut(part, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case strings.TrimSpace(part) == "":
			continue
		case !found || value == "":
			return nil, fmt.Errorf(`header %d has no value; write "X-Team: search; X-Zone: a"`, len(headers)+1)
		case !isToken(name):
			return nil, fmt.Errorf(`header %d has a name that no header can have; write "X-Team: search; X-Zone: a"`, len(headers)+1)
		case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return nil, fmt.Errorf("%s: the value holds a line break or another control character", name)
		case slices.ContainsFunc(reserved(), func(r string) bool { return strings.EqualFold(r, name) }):
			return nil, fmt.Errorf("%s is set by vllmspec itself", name)
		case strings.EqualFold(name, "Host") && strings.ContainsAny(value, "/ @?#,"):
			return nil, fmt.Errorf("%s: the value is no host; write a name, and a port where it has one: gateway.example:8443", name)
		case strings.EqualFold(name, "Authorization"):
			return nil, errors.New("a bearer token is given by VLLM_API_KEY, VLLM_API_KEY_FILE or VLLM_API_KEY_COMMAND, not as a header")
		}
		headers = append(headers, Header{name, value})
	}
	return headers, nil
}

// reserved are the headers on which the framing of a request rests.
func reserved() []string {
	return []string{"Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Accept", "Accept-Encoding", "Expect", "Upgrade", "Trailer", "Te"}
}

// isToken reports whether s is what RFC 9110, section 5.6.2, calls a token.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}
