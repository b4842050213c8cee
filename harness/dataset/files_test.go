package dataset_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/brotli"
	"github.com/parquet-go/parquet-go/compress/gzip"
	"github.com/parquet-go/parquet-go/compress/lz4"
	"github.com/parquet-go/parquet-go/compress/snappy"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
)

// opening counts how often its files are opened.
type opening struct {
	fs.FS
	times *atomic.Int32
}

func (o opening) Open(name string) (fs.File, error) {
	o.times.Add(1)
	return o.FS.Open(name)
}

// numbered are files of n prompts, "prompt 0 …" and so on, in all formats, larger than
// one stretch and, but for the short ones, than one piece that is checked at a time.
func numbered(t *testing.T, n int) map[string][]byte {
	t.Helper()
	var jsonl, text, csv, share, columns bytes.Buffer
	type row struct {
		Other  int    `parquet:"other"`
		Prompt string `parquet:"prompt"`
	}
	rows := make([]row, n)
	csv.WriteString("id,prompt\n")
	share.WriteString("[\n")
	for i := range n {
		p := fmt.Sprintf("prompt %d %s", i, strings.Repeat("lorem ipsum ", 1+i%97))
		fmt.Fprintf(&jsonl, "{\"id\": %d, \"prompt\": %q}%s", i, p, []string{"\n", "\r\n", "\n\n", "\n   \n"}[i%4])
		fmt.Fprintln(&text, p)
		fmt.Fprintf(&csv, "%d,\"%s\nwith \"\"quotes\"\"\"\n", i, p)
		if i > 0 {
			share.WriteString([]string{",\n", " , ", ",\t"}[i%3])
		}
		fmt.Fprintf(&share, `{"id": "%d", "conversations": [{"from": "human", "value": %q}, {"from": "gpt", "value": "[]},{"}]}`, i, p)
		rows[i] = row{i, p}
	}
	share.WriteString("\n]\n")
	require.NoError(t, parquet.Write(&columns, rows, parquet.MaxRowsPerRowGroup(1000)))
	return map[string][]byte{"x.jsonl": jsonl.Bytes(), "x.txt": text.Bytes(), "x.csv": csv.Bytes(), "x.json": share.Bytes(), "x.parquet": columns.Bytes()}
}

type file interface {
	harness.Dataset
	Count() (int, error)
	Close() error
}

func of(files fs.FS, path string) file {
	return &dataset.File{FS: files, Path: path}
}

// numberOf is which of the numbered prompts it is.
func numberOf(t *testing.T, c harness.Conversation) (n int) {
	t.Helper()
	require.NoError(t, c.Err)
	p := c.Turns[0]
	text := p.Text
	if p.Messages != nil {
		text = p.Messages[0].Content
	}
	_, err := fmt.Sscanf(text, "prompt %d", &n)
	require.NoError(t, err, text)
	assert.Equal(t, 1+n%97, strings.Count(text, "lorem ipsum"), "whole")
	return n
}

func TestDraws_everyRecordOnceInEveryRound(t *testing.T) {
	const n = 1_505
	for path, content := range numbered(t, n) {
		t.Run(path, func(t *testing.T) {
			opened := opening{fstest.MapFS{path: {Data: content}}, new(atomic.Int32)}
			d := of(opened, path)
			count, err := d.Count()
			require.NoError(t, err)
			assert.Equal(t, n, count)
			var orders [3][]int
			for i, seed := range []uint64{1, 1, 2} {
				all, err := d.Conversations(stream(seed))
				require.NoError(t, err)
				for _, c := range take(2*n, all) {
					orders[i] = append(orders[i], numberOf(t, c))
				}
				for _, round := range [][]int{orders[i][:n], orders[i][n:]} {
					seen := make([]bool, n)
					for _, number := range round {
						require.False(t, seen[number])
						seen[number] = true
					}
				}
				assert.NotEqual(t, orders[i][:n], orders[i][n:], "another order each time round")
			}
			assert.Equal(t, orders[0], orders[1], "the seed alone says the order")
			assert.NotEqual(t, orders[0], orders[2])
			assert.LessOrEqual(t, opened.times.Load(), int32(2), "opened to tell its format, and once to be read")
			require.NoError(t, d.Close())
		})
	}
}

// TestLines_areCountedWhereverPiecesEnd has lines that end just at the end of what is
// checked at a time (4 MiB), before it and after it, and one that is longer.
func TestLines_areCountedWhereverPiecesEnd(t *testing.T) {
	const n = 2_500
	for _, length := range []int{4095, 4096, 4097} {
		for _, long := range []int{0, 9 << 20} {
			var text bytes.Buffer
			for i := range n {
				line := fmt.Sprintf("prompt %d ", i)
				text.WriteString(line + strings.Repeat("x", length-len(line)-1) + "\n")
				if i == n/3 && long > 0 {
					text.WriteString(strings.Repeat("y", long) + "\n")
				}
			}
			want := n + min(1, long)
			d := of(folder("x.txt", text.String()), "x.txt")
			count, err := d.Count()
			require.NoError(t, err)
			require.Equal(t, want, count)
			all, err := d.Conversations(stream(1))
			require.NoError(t, err)
			seen := map[string]bool{}
			for _, c := range take(want, all) {
				require.NoError(t, c.Err)
				text := c.Turns[0].Text
				require.Contains(t, []int{length - 1, long}, len(text))
				seen[text[:12]] = true
			}
			assert.Len(t, seen, want)
		}
	}
}

func TestErrors_deepInALargeFile(t *testing.T) {
	const n = 12_000
	for path, content := range numbered(t, n) {
		name := "at " + path
		want, broken := "", content
		switch path {
		case "x.jsonl": // some lines before it are empty
			line := 1 + bytes.Count(content[:bytes.Index(content, []byte(`"prompt 11000 `))], []byte("\n"))
			want = fmt.Sprintf("x.jsonl:%d: invalid character 'x'", line)
			broken = bytes.Replace(content, []byte(`"prompt 11000 `), []byte(`x"prompt 11000 `), 1)
		case "x.json":
			line := 1 + bytes.Count(content[:bytes.Index(content, []byte(`"prompt 11000 `))], []byte("\n"))
			want = fmt.Sprintf("x.json:%d: conversation 11001", line)
			broken = bytes.Replace(content, []byte(`"prompt 11000 `), []byte(`x"prompt 11000 `), 1)
		case "x.csv":
			at := bytes.Index(content, []byte(`"prompt 11000 `))
			broken = append(bytes.Clone(content[:at-1]), []byte("\n11001,x\n")...)
			want = fmt.Sprintf("x.csv:%d: the row has 1 cells", 2+2*11_000)
		default:
			continue
		}
		t.Run(name, func(t *testing.T) {
			_, err := of(fstest.MapFS{path: {Data: broken}}, path).Count()
			assert.ErrorContains(t, err, want)
		})
	}
}

func TestFile_thatChangesEndsTheLoad(t *testing.T) {
	for path, content := range numbered(t, 3_000) {
		data := bytes.Clone(content)
		d := of(fstest.MapFS{path: {Data: data}}, path)
		all, err := d.Conversations(stream(1))
		require.NoError(t, err)
		copy(data, bytes.Repeat([]byte{' '}, len(data)))
		drawn := take(3_000, all)
		require.NotEmpty(t, drawn)
		last := drawn[len(drawn)-1]
		assert.ErrorContains(t, last.Err, path, path)
	}
}

// TestFile_largeOneTakesLittleMemory checks a file of some forty megabytes and lets a
// thousand users draw from it.
func TestFile_largeOneTakesLittleMemory(t *testing.T) {
	dir := t.TempDir()
	write := func(path string, each func(i int) string, before, after string) {
		file, err := os.Create(filepath.Join(dir, path))
		require.NoError(t, err)
		_, err = file.WriteString(before)
		require.NoError(t, err)
		for i := range 10_000 {
			_, err = file.WriteString(each(i))
			require.NoError(t, err)
		}
		_, err = file.WriteString(after)
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
	long := strings.Repeat("lorem ipsum ", 350)
	write("x.jsonl", func(i int) string { return fmt.Sprintf("{\"prompt\": \"%d %s\"}\n", i, long) }, "", "")
	write("x.json", func(i int) string {
		return fmt.Sprintf("%s{\"conversations\": [{\"from\": \"human\", \"value\": \"%d %s\"}]}", strings.Repeat(",", min(1, i)), i, long)
	}, "[", "]")
	for _, path := range []string{"x.jsonl", "x.json"} {
		t.Run(path, func(t *testing.T) { staysSmall(t, dir, path) })
	}
}

func staysSmall(t *testing.T, dir, path string) {
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // so that what is measured is what is held
	heap := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	runtime.GC()
	before, most, told := heap(), int64(0), int64(0)
	progress := func(done, total int64) {
		most, told = max(most, heap()), done
		assert.LessOrEqual(t, done, total)
	}
	var d file = &dataset.File{FS: os.DirFS(dir), Path: path, Progress: progress}
	_, err := d.Count()
	require.NoError(t, err)
	assert.Greater(t, told, int64(32<<20), "progress is told until the end")
	assert.Less(t, most-before, int64(12<<20+runtime.GOMAXPROCS(0)<<20), "while it is checked")
	for user := range 1000 {
		all, err := d.Conversations(stream(uint64(user)))
		require.NoError(t, err)
		next, stop := iter.Pull(all)
		defer stop()
		_, ok := next()
		require.True(t, ok)
	}
	runtime.GC()
	assert.Less(t, heap()-before, int64(8<<20), "with a thousand users")
	require.NoError(t, d.Close())
}

func TestBatchLines_keepWhatChangesTheWork(t *testing.T) {
	line := `{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt", "stream": false, "user": "me",
		"messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": 9, "max_tokens": 90, "temperature": 0.5, "stop": null,
		"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto", "response_format": {"type": "json_object"}}}`
	d := of(folder("x.jsonl", strings.ReplaceAll(line, "\n", " ")), "x.jsonl")
	all, err := d.Conversations(stream(1))
	require.NoError(t, err)
	p := take(1, all)[0].Turns[0]
	assert.Equal(t, 9, p.MaxTokens)
	assert.Equal(t, []harness.Message{{Role: "user", Content: "Hi"}}, p.Messages)
	extra, err := json.Marshal(p.Extra)
	require.NoError(t, err)
	assert.JSONEq(t, `{"temperature": 0.5, "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto", "response_format": {"type": "json_object"}}`, string(extra))
	assert.Empty(t, p.Model)

	all, err = of(folder("x.jsonl", `{"prompt": [1, 2, 3], "max_tokens": 7, "ignore_eos": true, "category": "x"}`), "x.jsonl").Conversations(stream(1))
	require.NoError(t, err)
	assert.Equal(t, harness.Prompt{TokenIDs: []int{1, 2, 3}, Tokens: 3, MaxTokens: 7, IgnoreEOS: true}, take(1, all)[0].Turns[0])

	for says, line := range map[string]string{
		`x.jsonl:1: "n" is 2; a request is followed`:   `{"prompt": "a", "n": 2}`,
		`x.jsonl:1: "echo" makes what comes first`:     `{"prompt": "a", "echo": true}`,
		`x.jsonl:1: "max_tokens": there is a JSON str`: `{"prompt": "a", "max_tokens": "7"}`,
		"x.jsonl:1: -1 is no token":                    `{"prompt": [-1]}`,
		`x.jsonl:1: "prompt": there is a JSON obj`:     `{"prompt": {}}`,
	} {
		_, err := of(folder("x.jsonl", line), "x.jsonl").Conversations(stream(1))
		assert.ErrorContains(t, err, says)
	}
}

func TestCompressions_thatCannotBeReadAreRefused(t *testing.T) {
	type row struct {
		Prompt string `parquet:"prompt"`
	}
	for codec, virtually := range map[compress.Codec]string{
		&snappy.Codec{}: "", &gzip.Codec{}: "", &brotli.Codec{}: "",
		&zstd.Codec{}: "x.parquet: it is compressed with ZSTD, which cannot be read in virtual time",
		&lz4.Codec{}:  "x.parquet: it is compressed with LZ4_RAW; write it with Snappy",
	} {
		var columns bytes.Buffer
		require.NoError(t, parquet.Write(&columns, []row{{"a"}}, parquet.Compression(codec)))
		for _, virtual := range []bool{true, false} {
			d := &dataset.File{FS: folder("x.parquet", columns.String()), Path: "x.parquet", Virtual: virtual}
			_, err := d.Count()
			if virtually == "" || !virtual && codec.CompressionCodec() == format.Zstd {
				assert.NoError(t, err, codec)
			} else {
				assert.ErrorContains(t, err, virtually)
			}
		}
	}
}
