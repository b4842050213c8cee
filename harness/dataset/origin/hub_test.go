package origin_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset/origin"
)

const head = "0123456789abcdef0123456789abcdef01234567"

// hub is a Hub with one data set, acme/chats, which wants a token; asked counts how often it is asked.
func hub(t *testing.T, files map[string]string, asked *atomic.Int32) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "Bearer hf_secrettoken" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if path, is := strings.CutPrefix(r.URL.Path, "/datasets/acme/chats/resolve/"+head+"/"); is {
			fmt.Fprint(w, strings.TrimPrefix(files[path], "wrong:"))
			return
		}
		if r.URL.EscapedPath() != "/api/datasets/acme/chats/revision/main" && r.URL.EscapedPath() != "/api/datasets/acme/chats/revision/refs%2Fconvert%2Fparquet" {
			http.NotFound(w, r)
			return
		}
		var siblings []any
		for name, content := range files {
			siblings = append(siblings, map[string]any{"rfilename": name, "size": len(content), "lfs": map[string]any{"sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(content)))}})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"sha": head, "siblings": siblings})
	}))
	t.Cleanup(server.Close)
	return server
}

func TestHub_dataSetsAreAskedByName(t *testing.T) {
	var asked atomic.Int32
	server := hub(t, map[string]string{"README.md": "card", ".gitattributes": "x", "data/train-00000-of-00002.parquet": columns(t, "a", "b"), "data/train-00001-of-00002.parquet": columns(t, "c"),
		"data/test-00000-of-00001.parquet": columns(t, "t"), "broken/x.parquet": "wrong:" + columns(t, "w")}, &asked)
	o := origins(t, "")
	o.Hub = origin.Hub{Endpoint: server.URL + "/", Token: "hf_secrettoken"}
	asks, remarks, err := drawn(t, o, "hf:acme/chats/data")
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"a", "b", "c"}, asks)
	assert.Equal(t, "hf:acme/chats/data: only its split train is asked, not test; to ask that, name its file", remarks)
	assert.EqualValues(t, 3, asked.Load(), "the list and two files")
	asks, _, err = drawn(t, o, "hf:acme/chats@refs/convert/parquet/data/test-00000-of-00001.parquet")
	require.NoError(t, err)
	assert.Equal(t, []string{"t"}, asks)
	for name, says := range map[string]string{
		"hf:acme":              `"hf:acme" names no data set; write hf:owner/name`,
		"hf:acme/chats#x":      "names no data set",
		"hf:acme/chats/gone":   `hf:acme/chats/gone: there is no "gone" in it`,
		"hf:acme/chats":        "hf:acme/chats: it holds several datasets, ., broken; name the folder of one",
		"hf:acme/chats/broken": "its SHA-256 is ",
		"hf:acme/other":        "404 Not Found",
	} {
		_, _, err := drawn(t, o, name)
		if assert.Error(t, err, name) {
			assert.Contains(t, err.Error(), says, name)
			assert.NotContains(t, err.Error(), "hf_secrettoken", name)
		}
	}
	server.Close()
	require.NoError(t, o.Close())
	asks, remarks, err = drawn(t, o, "hf:acme/chats/data")
	require.NoError(t, err)
	assert.Len(t, asks, 3)
	assert.Contains(t, remarks, "could not be asked for again", "offline, the copy is used")
}

func TestHub_saysThatATokenIsMissing(t *testing.T) {
	var asked atomic.Int32
	server := hub(t, nil, &asked)
	o := origins(t, "")
	o.Hub.Endpoint = server.URL
	_, _, err := drawn(t, o, "hf:acme/chats")
	assert.ErrorContains(t, err, "401 Unauthorized: it is not open; there is none of this name, or it is gated or private and needs HF_TOKEN")
	o.Hub.Token = "hf_wrongtoken"
	_, _, err = drawn(t, o, "hf:acme/chats/x")
	assert.ErrorContains(t, err, "it is not open to this token")
	assert.NotContains(t, err.Error(), "hf_wrongtoken")
}
