package credentials_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/internal/redact"
)

func TestSource_withoutATokenHasNone(t *testing.T) {
	none := credentials.Fixed("")
	assert.Empty(t, none.Value())
	none.Tell(new(redact.Secrets))
	none.Refused()
	none.Close()
	assert.Equal(t, "key", credentials.Fixed("key").Value())
}

func TestFile_isReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	write := func(s string) { require.NoError(t, os.WriteFile(path, []byte(s), 0o600)) }
	write("first\n")
	synctest.Test(t, func(t *testing.T) {
		token, err := credentials.InFile(path)
		require.NoError(t, err)
		defer token.Close()
		secrets := new(redact.Secrets)
		token.Tell(secrets)
		assert.Equal(t, "first", token.Value())
		write("")
		time.Sleep(3 * time.Second)
		assert.Equal(t, "first", token.Value(), "a file that is just being written")
		write("second")
		time.Sleep(3 * time.Second)
		assert.Equal(t, "second", token.Value())
		assert.Equal(t, "… and …", secrets.Text("first and second"), "what it was is as secret")
	})
	for content, says := range map[string]string{" \n": "holds no key", "a key\nand more": "holds more than a key"} {
		write(content)
		_, err := credentials.InFile(path)
		assert.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), "and more")
	}
}

// counting is a command that prints another answer each time.
func counting(t *testing.T, format string) []string {
	t.Helper()
	return []string{"/bin/sh", "-c", `n=$(cat "$0" 2>/dev/null || echo 0); n=$((n+1)); echo $n >"$0"; printf "$1" $n`, filepath.Join(t.TempDir(), "n"), format}
}

func TestCommand_isRunBeforeItsTokenExpires(t *testing.T) {
	for name, c := range map[string]struct {
		format string
		before time.Duration // it is still the first token
		after  time.Duration // it is the second
	}{
		"OAuth":           {`{"access_token":"key-%d","expires_in":3600}`, 58 * time.Minute, 60 * time.Minute},
		"a short life":    {`{"access_token":"key-%d","expires_in":30}`, 26 * time.Second, 29 * time.Second},
		"nobody knows":    {`key-%d`, 4 * time.Minute, 6 * time.Minute},
		"OAuth, no life":  {`{"access_token":"key-%d"}`, 4 * time.Minute, 6 * time.Minute},
		"kubectl, no end": {`{"status":{"token":"key-%d"}}`, 4 * time.Minute, 6 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			words := counting(t, c.format)
			synctest.Test(t, func(t *testing.T) {
				token, err := credentials.FromCommand(t.Context(), "", words, new(redact.Secrets))
				require.NoError(t, err)
				defer token.Close()
				time.Sleep(c.before)
				assert.Equal(t, "key-1", token.Value())
				time.Sleep(c.after - c.before)
				synctest.Wait()
				assert.Equal(t, "key-2", token.Value())
			})
		})
	}
}

func TestJSONWebToken_saysWhenItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, time.Now().Add(10*time.Minute).Unix()))
		words := counting(t, "head."+claims+".sign%d")
		token, err := credentials.FromCommand(t.Context(), "", words, new(redact.Secrets))
		require.NoError(t, err)
		defer token.Close()
		time.Sleep(8 * time.Minute)
		assert.Contains(t, token.Value(), "sign1")
		time.Sleep(90 * time.Second)
		assert.NotContains(t, token.Value(), "sign1", "renewed a minute before it expires")
	})
}

func TestSource_renewsARefusedTokenSoonButNotAllTheTime(t *testing.T) {
	words := counting(t, "key-%d")
	synctest.Test(t, func(t *testing.T) {
		token, err := credentials.FromCommand(t.Context(), "", words, new(redact.Secrets))
		require.NoError(t, err)
		defer token.Close()
		for range 100 { // a server that refuses all for ten seconds
			token.Refused()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		assert.Contains(t, []string{"key-3", "key-4"}, token.Value())
	})
}

func TestCommand_withoutOutput(t *testing.T) {
	for says, words := range map[string][]string{
		"there is no program nowhere":           {"nowhere", "s3cret"},
		"sh: exit status 3: no session; log in": {"sh", "-c", "echo 'no session; log in' >&2; exit 3", "s3cret"},
		"what sh prints holds no key":           {"sh", "-c", ":", "s3cret"},
		"what sh prints holds more than a key":  {"sh", "-c", "echo a s3cret", "s3cret"},
	} {
		_, err := credentials.FromCommand(t.Context(), "", words, new(redact.Secrets))
		require.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}

func TestHeaders_areRead(t *testing.T) {
	headers, err := credentials.Headers("X-Team: search; X-Zone: a:b ;")
	require.NoError(t, err)
	assert.Equal(t, []credentials.Header{{"X-Team", "search"}, {"X-Zone", "a:b"}}, headers)
	for _, wrong := range []string{"s3cret", "X-A:", "X A: s3cret", ": s3cret", "Content-Length: s3cret", "authorization: s3cret", "X-A: s3cret\nX-B: c"} {
		_, err := credentials.Headers(wrong)
		require.Error(t, err, wrong)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}
