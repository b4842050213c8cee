package suite_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"html"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
)

// places are where secrets are planted, each one of its own. Those that are configured are also
// repeated by the server in all that it says, in four ways of writing; the others only the
// server knows, and they are found by their names or forms.
func places() []string {
	return []string{
		// in the environment
		"VLLM_API_KEY", "the password in VLLM_URL", "the first of VLLM_HEADERS", "the second of VLLM_HEADERS",
		"VLLM_METRICS_API_KEY", "the password in VLLM_METRICS_URL", "the password in DCGM_METRICS_URL", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN",
		"the password in DATABASE_URL", "the password in HTTPS_PROXY", "OTEL_EXPORTER_OTLP_HEADERS", "MY_SERVICE_PASSWORD", "a private key of two lines", "a basic login in VLLM_HEADERS",
		// files and commands
		"VLLM_API_KEY_FILE", "what VLLM_API_KEY_COMMAND prints", "the JSON that VLLM_API_KEY_COMMAND prints", "standard output of a failing command", "JSON of a failing command",
		"standard error of a failing command", "an argument of a failing command",
		// what starts a server
		"MY_TOKEN in VLLM_COMMAND", "--some-token= in VLLM_COMMAND", "--db-password in VLLM_ARGS", "a URL in VLLM_ARGS", "JSON in VLLM_ARGS",
		// what that server writes
		"a variable in the server's log", "two writes of the server's log", "an endless line of the server's log", "Python in the server's log", "JSON in the server's log",
		"a header in the server's log", "base64 in the server's log", "a URL in the server's log", "a token of Hugging Face's in the server's log", "the last words of a server that ends",
		// what a server tells of itself
		"hf_token of /server_info", "a list in /server_info", "Python in /server_info", "arguments in /server_info", "named pairs in /server_info", "JSON in a string of /server_info",
		"an access token of the model's card", "a URL of the model's card", "/version",
		// what it answers
		"JSON in an error's message", "base64 in an error's message", "a header in an error's message", "an error in a stream", "a page of HTML", "the Content-Type", "where a redirect leads", "a broken event",
		// what is watched
		"a label of the metrics", "a label named token of the metrics", "an error of the metrics' page", "a label of the GPUs", "the error of the collector",
		// mistakes
		"VLLM_URL with a bad port", "VLLM_URL with a space", "the query of VLLM_URL", "the query of VLLM_URL_B", "VLLMSPEC_OUT in a bucket", "--api-key in VLLM_COMMAND", "--api_key in VLLM_ARGS",
		"--hf_token= in VLLM_ARGS", "a header without a name", "two words in VLLM_API_KEY_FILE", "VLLMSPEC_METRICS with a password",
	}
}

// A planting gives out the secrets, and looks for them.
type planting struct {
	t       *testing.T
	mu      sync.Mutex
	planted map[string]bool
}

// secret is the one of a place. It has characters that are escaped in URLs, HTML and Markdown;
// parts, where it could not hold these.
func (p *planting) secret(place string) string {
	return p.halves(place)[0] + "/+&_" + p.halves(place)[1]
}

func (p *planting) simple(place string) string { return p.halves(place)[0] + "w" + p.halves(place)[1] }

func (p *planting) halves(place string) [2]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Contains(p.t, places(), place)
	p.planted[place] = true
	return halvesOf(place)
}

func halvesOf(place string) [2]string {
	hash := fnv.New64a()
	io.WriteString(hash, place)
	return [2]string{fmt.Sprintf("pL4%08x", uint32(hash.Sum64()>>32)), fmt.Sprintf("qZ7%08x", uint32(hash.Sum64()))}
}

// everyForm are the ways in which any part of a place's secret could be read.
func everyForm(place string) (forms []string) {
	halves := halvesOf(place)
	for _, part := range halves { // they need no escapes
		forms = append(forms, part)
		for before := range 3 {
			raw := append(make([]byte, before), part...)
			first, last := (before*8+5)/6, len(raw)*8/6
			forms = append(forms, base64.RawStdEncoding.EncodeToString(raw)[first:last])
		}
	}
	return forms
}

// shownIn are the places whose secrets a text shows, and what of them.
func shownIn(text string) (out []string) {
	for _, reading := range []string{text, html.UnescapeString(text), unescaped(text)} {
		for _, place := range places() {
			for _, form := range everyForm(place) {
				if at := strings.Index(reading, form); at >= 0 {
					out = append(out, fmt.Sprintf("%s: …%s…", place, reading[max(0, at-60):min(len(reading), at+60)]))
					break
				}
			}
		}
	}
	return out
}

func unescaped(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return text
	}
	return plain
}

// nowhere holds that a text shows no secret.
func (p *planting) nowhere(where, text string) {
	p.t.Helper()
	for _, shown := range shownIn(text) {
		p.t.Errorf("%s shows the secret of %s", where, shown)
	}
}

var packedColumns = regexp.MustCompile(`H4sI[A-Za-z0-9+/=]+`)

// inFiles looks into every file of a folder, and into every value of every column.
func (p *planting) inFiles(folder string) (files, values int) {
	p.t.Helper()
	require.NoError(p.t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		require.NoError(p.t, err)
		files++
		name := filepath.Base(path)
		p.nowhere(name, path+"\n"+string(raw))
		for _, packed := range packedColumns.FindAll(raw, -1) {
			p.nowhere("the columns of "+name, gunzipped(p.t, string(packed)))
		}
		if strings.HasSuffix(path, ".parquet") {
			values += p.inColumns(path)
		}
		return nil
	}))
	return files, values
}

func gunzipped(t *testing.T, packed string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(packed)
	require.NoError(t, err)
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	text, err := io.ReadAll(zip)
	require.NoError(t, err)
	return string(text)
}

func (p *planting) inColumns(path string) (n int) {
	p.t.Helper()
	file, err := os.Open(path)
	require.NoError(p.t, err)
	defer file.Close()
	reader := parquet.NewReader(file)
	defer reader.Close()
	rows := make([]parquet.Row, 64)
	for {
		read, err := reader.ReadRows(rows)
		var all strings.Builder
		for _, row := range rows[:read] {
			for _, value := range row {
				n++
				if value.Kind() == parquet.ByteArray {
					all.Write(value.ByteArray())
					all.WriteByte('\n')
				}
			}
		}
		p.nowhere(filepath.Base(path), all.String())
		if err != nil || read == 0 {
			return n
		}
	}
}

// asJSON is a text within a string of JSON.
func asJSON(text string) string {
	raw, _ := json.Marshal(text)
	return strings.Trim(string(raw), `"`)
}
