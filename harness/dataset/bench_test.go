package dataset_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/snappy"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset"
)

// large makes a file of about so many megabytes, in prompts of four kilobytes.
func large(b *testing.B, path string, megabytes int) (dir string, size int64) {
	b.Helper()
	dir = b.TempDir()
	file, err := os.Create(filepath.Join(dir, path))
	require.NoError(b, err)
	w := bufio.NewWriterSize(file, 1<<20)
	text := strings.Repeat("A good rule of thumb, and another: twice as much care. ", 75)
	records := megabytes << 20 / (len(text) + 50)
	if filepath.Ext(path) == ".parquet" {
		writeRows(b, w, records, text)
	} else {
		for i := range records {
			switch filepath.Ext(path) {
			case ".jsonl":
				fmt.Fprintf(w, "{\"prompt\": \"%d %s\", \"max_tokens\": 64}\n", i, text)
			case ".csv":
				if i == 0 {
					fmt.Fprintln(w, "prompt,max_tokens")
				}
				fmt.Fprintf(w, "\"%d %s\",64\n", i, text)
			case ".json":
				fmt.Fprintf(w, "%c{\"conversations\": [{\"from\": \"human\", \"value\": \"%d\"}, {\"from\": \"gpt\", \"value\": \"%s\"}]}\n", "[,"[min(1, i)], i, text)
			}
		}
		if filepath.Ext(path) == ".json" {
			fmt.Fprint(w, "]")
		}
	}
	require.NoError(b, w.Flush())
	info, err := file.Stat()
	require.NoError(b, err)
	require.NoError(b, file.Close())
	return dir, info.Size()
}

func writeRows(b *testing.B, w io.Writer, records int, text string) {
	type row struct {
		Prompt    string `parquet:"prompt"`
		MaxTokens int64  `parquet:"max_tokens"`
	}
	rows := parquet.NewGenericWriter[row](w, parquet.Compression(&snappy.Codec{}), parquet.MaxRowsPerRowGroup(10_000))
	for i := range records {
		_, err := rows.Write([]row{{fmt.Sprintf("%d %s", i, text), 64}})
		require.NoError(b, err)
	}
	require.NoError(b, rows.Close())
}

func opened(dir, path string) file { return of(os.DirFS(dir), path) }

// BenchmarkChecking checks files of 200 MB, and reports the memory that is held afterwards.
func BenchmarkChecking(b *testing.B) {
	for _, path := range []string{"x.jsonl", "x.csv", "x.json", "x.parquet"} {
		b.Run(path[2:], func(b *testing.B) {
			dir, size := large(b, path, 200)
			b.SetBytes(size)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for b.Loop() {
				d := opened(dir, path)
				_, err := d.Count()
				require.NoError(b, err)
				runtime.GC()
				runtime.ReadMemStats(&after)
				require.NoError(b, d.Close())
			}
			b.ReportMetric(float64(int64(after.HeapAlloc-before.HeapAlloc))/1e3, "kB-held")
		})
	}
}

// BenchmarkDrawing draws from the same files, and from synthetic prompts.
func BenchmarkDrawing(b *testing.B) {
	for _, path := range []string{"x.jsonl", "x.csv", "x.json", "x.parquet"} {
		b.Run(path[2:], func(b *testing.B) {
			dir, _ := large(b, path, 200)
			all, err := opened(dir, path).Conversations(stream(1))
			require.NoError(b, err)
			b.ResetTimer()
			n := 0
			for c := range all {
				require.NoError(b, c.Err)
				if n++; n >= b.N {
					break
				}
			}
		})
	}
	b.Run("synthetic", func(b *testing.B) {
		all, err := dataset.Synthetic{Prompt: dataset.Length{Mean: 1000}, Answer: dataset.Length{Mean: 100}}.Conversations(stream(1))
		require.NoError(b, err)
		n := 0
		for range all {
			if n++; n >= b.N {
				break
			}
		}
	})
}
