package origin_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/origin"
)

// folder is a user's files.
type folder string

func (f folder) Find(name string) (string, bool) {
	path := filepath.Join(string(f), filepath.FromSlash(name))
	_, err := os.Stat(path)
	return path, err == nil
}

func (f folder) Candidates(name string) []string { return []string{name} }

// with is a folder with these files.
func with(t *testing.T, files map[string]string) folder {
	t.Helper()
	in := t.TempDir()
	for name, text := range files {
		path := filepath.Join(in, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return folder(in)
}

// origins are those of a folder.
func origins(t *testing.T, in folder) *origin.Origins {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	o := &origin.Origins{Local: in, Cache: t.TempDir()}
	t.Cleanup(func() {
		require.NoError(t, o.Close())
		left, _ := os.ReadDir(os.TempDir())
		assert.Empty(t, left, "what was unpacked is removed")
	})
	return o
}

// drawn is the dataset of a name, with all that it asks and all that is remarked.
func drawn(t *testing.T, o *origin.Origins, name string) (asks []string, remarks string, err error) {
	t.Helper()
	files, err := o.Find(name)
	if err != nil {
		return nil, "", err
	}
	d := &dataset.File{FS: files.FS, Path: files.Path, Name: files.Name, Parts: files.Parts, Whole: files.Whole, Notes: files.Notes}
	n, err := d.Count()
	if err != nil {
		return nil, "", err
	}
	defer d.Close()
	all, err := d.Conversations(rand.New(rand.NewPCG(1, 1)))
	require.NoError(t, err)
	for c := range all {
		require.NoError(t, c.Err)
		p := c.Turns[0]
		text := p.Text
		for _, m := range p.Messages {
			text += m.Role + ": " + m.Content + "\n"
		}
		if asks = append(asks, text); len(asks) == n {
			break
		}
	}
	return asks, strings.Join(d.Remarks(), "; "), nil
}

func gzipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	io.WriteString(w, text)
	w.Close()
	return out.String()
}

func zipped(t *testing.T, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range files {
		to, err := w.Create(name)
		require.NoError(t, err)
		_, err = io.WriteString(to, text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.String()
}

// columns is a Parquet file of prompts.
func columns(t *testing.T, prompts ...string) string {
	t.Helper()
	type row struct {
		Prompt string `parquet:"prompt"`
	}
	var rows []row
	for _, p := range prompts {
		rows = append(rows, row{p})
	}
	var out bytes.Buffer
	require.NoError(t, parquet.Write(&out, rows))
	return out.String()
}

const lines = `{"prompt": "one"}` + "\n" + `{"prompt": "two"}` + "\n"

func TestFind_asksWhatLiesHere(t *testing.T) {
	o := origins(t, with(t, map[string]string{
		"plain.jsonl": lines, "packed.jsonl.gz": gzipped(lines), "texts/b.txt": "second\n", "texts/a.md": "first\nof two lines\n", "texts/README.md": "about them", "texts/.hidden.txt": "x",
		"texts.zip":     zipped(t, map[string]string{"in/b.txt": "second", "in/a.txt": "first", "__MACOSX/in/._a.txt": "x"}),
		"parts/a.jsonl": lines, "parts/sub/b.jsonl": `{"prompt": "three"}`, "shards/a.jsonl.gz": gzipped(lines), "shards/b.jsonl.gz": gzipped(`{"prompt": "three"}`),
		"hub/data/train-00000-of-00002.parquet": columns(t, "a", "b"), "hub/data/train-00001-of-00002.parquet": columns(t, "c"), "hub/data/test-00000-of-00001.parquet": columns(t, "t"),
		"sparse/a.jsonl": "\n", "sparse/b.jsonl": lines, "sparse/c.jsonl": "",
		"beside/a.parquet": columns(t, "a"), "beside/notes.jsonl": lines, "splits/train.jsonl": lines, "splits/test.jsonl": lines, "splits/more.jsonl": lines,
		"hub/README.md": "card", "hub/dataset_infos.json": "{}", "hub/.gitattributes": "x",
	}))
	for name, c := range map[string]struct {
		asks   []string
		remark string
	}{
		"plain.jsonl":                          {[]string{"one", "two"}, ""},
		"packed.jsonl.gz":                      {[]string{"one", "two"}, ""},
		"texts":                                {[]string{"first\nof two lines", "second"}, ""},
		"texts.zip":                            {[]string{"first", "second"}, ""},
		"parts":                                {[]string{"one", "two", "three"}, ""},
		"shards":                               {[]string{"one", "two", "three"}, ""},
		"hub":                                  {[]string{"a", "b", "c"}, "hub: only its split train is asked, not test; to ask that, name its file"},
		"sparse":                               {[]string{"one", "two"}, "sparse: 2 of its 3 files hold no prompt: a.jsonl, c.jsonl"},
		"beside":                               {[]string{"a"}, "beside: its Parquet files are asked, and other files are not: 1 of .jsonl"},
		"splits":                               {[]string{"one", "two"}, "splits: only its split train is asked, not test, and more.jsonl, whose names say no split; to ask that, name its file"},
		"hub/data/test-00000-of-00001.parquet": {[]string{"t"}, ""},
	} {
		asks, remark, err := drawn(t, o, name)
		require.NoError(t, err, name)
		assert.ElementsMatch(t, c.asks, asks, name)
		assert.Equal(t, c.remark, remark, name)
	}
	files, err := o.Find("texts.zip")
	require.NoError(t, err)
	assert.Equal(t, []string{"in/a.txt", "in/b.txt"}, files.Parts, "in the order of their names")
	again, err := o.Find("texts.zip")
	require.NoError(t, err)
	assert.Equal(t, files, again, "it is unpacked once")
}

func TestFind_saysWhatIsWrongAndWhere(t *testing.T) {
	o := origins(t, with(t, map[string]string{
		"bad.jsonl.gz": gzipped(lines + "{prompt}\n"), "cut.jsonl.gz": gzipped(lines)[:20], "mixed/a.jsonl": lines, "mixed/b.csv": "prompt\na\n", "mixed/c.txt": "x", "empty/x.bin": "",
		"texts/a.txt": "one", "texts/b.txt": "sch\xf6n", "parts/a.jsonl": lines, "parts/b.jsonl": lines + "{}\n", "arrow/data.arrow": "x", "blank/a.txt": "\n", "half/a.jsonl": lines, "half/b.jsonl.gz": gzipped(lines),
		"twice/a.jsonl.gz": gzipped(lines), "twice/a.jsonl.zst": "x", "archives/a.jsonl.zip": zipped(t, map[string]string{"a.jsonl": lines}), "none/a.jsonl": "\n", "none/b.jsonl": "",
		"two/en/train.parquet": columns(t, "a"), "two/de/train.parquet": columns(t, "b"), "forms/a.jsonl": lines, "forms/b.jsonl": `{"conversations": [{"from": "human", "value": "hi"}]}`,
	}))
	for name, says := range map[string]string{
		"bad.jsonl.gz": "bad.jsonl.gz:3: invalid character",
		"cut.jsonl.gz": "cut.jsonl.gz: it is cut off: its end is missing",
		"mixed":        "mixed: it holds files of several forms (1 of .csv, 1 of .jsonl, 1 texts); name one of them",
		"empty":        "empty: there is nothing to ask in it: it must hold files of prompts (.parquet",
		"texts":        "texts/b.txt:1: the text is not UTF-8: there is a byte 0xf6 in it",
		"parts":        `parts/b.jsonl:3: the line has no "prompt" and no "messages"`,
		"arrow":        "arrow: it holds files of Arrow, as save_to_disk",
		"blank":        "a.txt is empty; 1 of 1 prompts cannot be asked",
		"half":         "half: some of its files are compressed and some are not",
		"two":          "two: it holds several datasets, de, en; name the folder of one",
		"forms":        "forms/b.jsonl: it holds conversations in the form of ShareGPT's dumps, and a.jsonl holds prompts in JSON",
		"twice":        "twice: a.jsonl.gz and a.jsonl.zst both unpack to a.jsonl; remove one, or name one",
		"archives":     "archives: it holds archives (a.jsonl.zip); name one of them, or unpack them",
		"none":         "none: there is no prompt in its 2 files",
		"gone.jsonl":   "there is no file gone.jsonl",
		"gone.zip":     "there is no file gone.zip",
	} {
		_, _, err := drawn(t, o, name)
		if assert.Error(t, err, name) {
			assert.Contains(t, err.Error(), says, name)
		}
	}
}

func TestFind_downloadsOnce(t *testing.T) {
	asked := 0
	packed := gzipped(lines)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if strings.HasSuffix(r.URL.Path, ".gz") {
			io.WriteString(w, packed)
			return
		}
		io.WriteString(w, lines+"{}\n")
	}))
	t.Cleanup(server.Close)
	o := origins(t, "")
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(packed)))
	address := server.URL + "/chats.jsonl.gz?key=0123456789abcdef"
	for range 2 {
		asks, remark, err := drawn(t, o, address+"#sha256="+sum)
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"one", "two"}, asks)
		assert.Empty(t, remark)
	}
	assert.Equal(t, 1, asked)

	wrong := strings.Repeat("0", 64)
	for name, says := range map[string]string{
		address + "#sha256=" + wrong:    sum,
		address + "#md5=abc":            "ends in #md5=abc; a checksum is written #sha256=…",
		address + "#sha256=abc":         "sha256=abc is no SHA-256",
		server.URL + "/chats.docx":      "the address ends in no file that is read",
		server.URL + "/chats.jsonl":     server.URL + `/chats.jsonl:3: the line has no "prompt"`,
		"https://me:pass123456@x/a.csv": "holds a user or a password",
	} {
		_, _, err := drawn(t, o, name)
		if assert.Error(t, err, name) {
			assert.Contains(t, err.Error(), says, name)
			assert.NotContains(t, err.Error(), "0123456789abcdef", name)
			assert.NotContains(t, err.Error(), "pass123456", name)
		}
	}
	server.Close()
	require.NoError(t, o.Close())
	_, remark, err := drawn(t, o, address)
	require.NoError(t, err)
	assert.Contains(t, remark, "could not be asked for again", "offline, the copy is used")
	assert.NotContains(t, remark, "0123456789abcdef")
}
