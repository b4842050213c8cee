package trace_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset/trace"
)

// BenchmarkTrace27Million reads a trace as large as the published week of Azure's, up to the
// first request, and reports how much memory the process has needed until then and while it
// plays a million of them.
//
//	go test -run xxx -bench Trace27Million -benchtime 1x ./harness/dataset/trace
func BenchmarkTrace27Million(b *testing.B) {
	const rows, drawn = 27_000_000, 1_000_000
	dir := b.TempDir()
	size := weekOfAzure(b, filepath.Join(dir, "week.csv"), rows)
	b.SetBytes(size)
	var first time.Duration
	for b.Loop() {
		began := time.Now()
		played, err := trace.Read(os.DirFS(dir), "week.csv")
		require.NoError(b, err)
		require.False(b, played.Held())
		count, err := played.Count()
		require.NoError(b, err)
		require.Equal(b, rows, count)
		conversations, err := played.Conversations(stream(1))
		require.NoError(b, err)
		for c := range conversations {
			require.NoError(b, c.Err)
			break
		}
		first = time.Since(began)
		n, last := 0, time.Duration(-1)
		for at := range played.Times {
			require.GreaterOrEqual(b, at, last)
			if last = at; n == drawn {
				break
			}
			n++
		}
		require.NoError(b, played.Close())
	}
	b.ReportMetric(first.Seconds(), "s-to-first-request")
	b.ReportMetric(mostResident(b), "MiB-resident")
}

// weekOfAzure writes a trace in the form of Azure's of 2024, and returns its size.
func weekOfAzure(b *testing.B, path string, rows int) int64 {
	b.Helper()
	file, err := os.Create(path)
	require.NoError(b, err)
	w := bufio.NewWriterSize(file, 1<<20)
	_, err = w.WriteString("TIMESTAMP,ContextTokens,GeneratedTokens\n")
	require.NoError(b, err)
	at := time.Date(2024, 5, 10, 0, 0, 0, 9_930_000, time.UTC)
	var line []byte
	for i := range rows {
		line = at.AppendFormat(line[:0], "2006-01-02 15:04:05.000000+00:00")
		line = fmt.Appendf(line, ",%d,%d\n", 100+i*7919%4000, 1+i*104729%700)
		_, err = w.Write(line)
		require.NoError(b, err)
		at = at.Add(22_400 * time.Microsecond)
	}
	require.NoError(b, w.Flush())
	info, err := file.Stat()
	require.NoError(b, err)
	require.NoError(b, file.Close())
	return info.Size()
}

// mostResident is the most memory that the process has had, in MiB (Linux).
func mostResident(b *testing.B) float64 {
	raw, err := os.ReadFile("/proc/self/status")
	require.NoError(b, err)
	_, after, found := strings.Cut(string(raw), "VmHWM:")
	require.True(b, found)
	var kib float64
	_, err = fmt.Sscan(after, &kib)
	require.NoError(b, err)
	return kib / 1024
}
