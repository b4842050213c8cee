package credentials

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/guard"
	"github.com/vllmspec/vllmspec/internal/plain"
)

// commandTimeout bounds one run of a command that tells a token.
const commandTimeout = time.Minute

// FromCommand is the token that a command prints: alone, or in JSON as OAuth
// servers (access_token, expires_in) and kubectl's plugins
// (status.token, status.expirationTimestamp) have it. It is run again before the
// token expires, where the token says when; else every five minutes, and soon
// after the server has refused it. What secrets knows is taken out of what the command
// complains of.
func FromCommand(ctx context.Context, dir string, words []string, secrets *Secrets) (*Token, error) {
	c := command{dir, words, secrets}
	value, expires, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	t := newToken()
	t.Tell(secrets)
	t.set(value)
	t.ended.Go(func() { t.followCommand(c, expires) })
	return t, nil
}

// A command prints a token.
type command struct {
	dir     string
	words   []string
	secrets *Secrets
}

func (t *Token) followCommand(c command, expires time.Time) {
	asked := time.Now()
	for wait := untilRenewal(expires); t.sleep(wait, asked); {
		asked = time.Now()
		value, expires, err := c.run(t.going)
		if wait = afterAskFor; err == nil {
			t.set(value)
			wait = untilRenewal(expires)
		}
	}
}

// sleep waits until the token is to be renewed, or until it was refused, but then
// not so soon that a server which refuses everything has us run the command all the
// time. It reports false when the token was closed.
func (t *Token) sleep(wait time.Duration, asked time.Time) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-t.going.Done():
		return false
	case <-timer.C:
		return true
	case <-t.refused:
	}
	timer.Reset(afterAskFor - time.Since(asked))
	select {
	case <-t.going.Done():
		return false
	case <-timer.C:
		return true
	}
}

// untilRenewal is a tenth of its life, and at most a minute, before it expires.
func untilRenewal(expires time.Time) time.Duration {
	if expires.IsZero() {
		return ofUnknown
	}
	left := time.Until(expires)
	return max(left-min(left/10, time.Minute), time.Second)
}

// mostComplaint bounds what is shown of a command's standard error.
const mostComplaint = 300

func (c command) run(ctx context.Context) (value string, expires time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	name := filepath.Base(c.words[0]) // not what follows: there may be a secret in it
	var out, complaints bytes.Buffer
	// An agent that it leaves running is not ours to end.
	err = guard.Run(ctx, guard.Program{Words: c.words, Dir: c.dir, Env: os.Environ(), Output: &out, Errors: &complaints, Leaves: true})
	if err != nil {
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return "", expires, fmt.Errorf("%s did not end within %v", name, commandTimeout)
		case ctx.Err() != nil:
			return "", expires, fmt.Errorf("%s: %w", name, context.Cause(ctx))
		}
		if errors.Is(err, exec.ErrNotFound) {
			return "", expires, fmt.Errorf("there is no program %s; give its path", name)
		}
		if said := c.shown(complaints.String(), out.Bytes()); said != "" {
			return "", expires, fmt.Errorf("%s: %w: %s", name, err, said)
		}
		return "", expires, fmt.Errorf("%s: %w", name, err)
	}
	value, expires = parse(bytes.TrimSpace(out.Bytes()), time.Now())
	return value, expires, check(value, "what "+name+" prints")
}

// shown is what a command complained of, without secrets, and then as much of it as a reader
// wants to see. Of what it printed all may be secret: the whole, its words, and the strings
// of its JSON.
func (c command) shown(complaint string, printed []byte) string {
	mine := new(Secrets)
	mine.Add(string(printed))
	mine.Add(strings.Fields(string(printed))...)
	mine.AddJSON(printed)
	mine.AddWords(c.words)
	said := plain.Line(mine.Text(c.secrets.Text(complaint)))
	said = mine.Text(c.secrets.Text(said)) // also one with line breaks in it
	if len(said) > mostComplaint {
		said = strings.ToValidUTF8(said[:mostComplaint], "") + "…"
	}
	return said
}

// parse reads what a command printed.
func parse(out []byte, now time.Time) (value string, expires time.Time) {
	var printed struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"` // seconds
		Status      struct {
			Token   string    `json:"token"`
			Expires time.Time `json:"expirationTimestamp"`
		} `json:"status"`
	}
	value = string(out)
	if json.Unmarshal(out, &printed) == nil {
		switch {
		case printed.AccessToken != "" && printed.ExpiresIn > 0:
			return printed.AccessToken, now.Add(time.Duration(printed.ExpiresIn) * time.Second)
		case printed.AccessToken != "":
			value = printed.AccessToken
		case printed.Status.Token != "" && !printed.Status.Expires.IsZero():
			return printed.Status.Token, printed.Status.Expires
		case printed.Status.Token != "":
			value = printed.Status.Token
		}
	}
	return value, expiryOf(value)
}

// expiryOf is the claim exp of a JSON Web Token (RFC 7519), which is not
// verified: the server does that. Zero where there is none.
func expiryOf(token string) (at time.Time) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return at
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return at
	}
	var claims struct {
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(raw, &claims) != nil || claims.Expires <= 0 {
		return at
	}
	return time.Unix(int64(claims.Expires), 0)
}
