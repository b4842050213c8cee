package packed

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func zstandard(t *testing.T, text []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return w.EncodeAll(text, nil)
}

// A member is one of an archive.
type member struct{ name, text string }

func tarred(t *testing.T, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "link.txt", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}))
	for _, m := range members {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: m.name, Mode: 0o600, Size: int64(len(m.text))}))
		_, err := io.WriteString(w, m.text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func zipped(t *testing.T, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		to, err := w.Create(m.name)
		require.NoError(t, err)
		_, err = io.WriteString(to, m.text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// unpack unpacks a file with this name and content, and returns what came out.
func unpack(t *testing.T, name string, content []byte) (map[string]string, error) {
	t.Helper()
	path, folder := filepath.Join(t.TempDir(), name), filepath.Join(t.TempDir(), "in")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	_, inner := FormOf(name)
	err := Unpacker{}.Unpack(t.Context(), path, folder, inner)
	out := map[string]string{}
	_ = filepath.WalkDir(filepath.Dir(folder), func(at string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			raw, _ := os.ReadFile(at)
			within, _ := filepath.Rel(folder, at)
			out[filepath.ToSlash(within)] = string(raw)
		}
		return err
	})
	return out, err
}

func TestUnpack_ofAllForms(t *testing.T) {
	two := []member{{"./b.txt", "second"}, {"sub/a.txt", "first"}, {"__MACOSX/._b.txt", "x"}, {".DS_Store", "x"}}
	both := map[string]string{"b.txt": "second", "sub/a.txt": "first"}
	for name, c := range map[string]struct {
		content []byte
		want    map[string]string
	}{
		"x.jsonl.gz":  {append(gzipped(t, []byte("one\n")), gzipped(t, []byte("two\n"))...), map[string]string{"x.jsonl": "one\ntwo\n"}},
		"x.jsonl.zst": {zstandard(t, []byte("one\n")), map[string]string{"x.jsonl": "one\n"}},
		"x.zip":       {zipped(t, two...), both},
		"x.tar":       {tarred(t, two...), both},
		"x.tar.gz":    {gzipped(t, tarred(t, two...)), both},
		"X.TGZ":       {gzipped(t, tarred(t, two...)), both},
		"x.tar.zst":   {zstandard(t, tarred(t, two...)), both},
	} {
		got, err := unpack(t, name, c.content)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
}

func TestUnpack_refusesBombs(t *testing.T) {
	zeros := make([]byte, anyFile+1<<20)
	for name, content := range map[string][]byte{"x.txt.gz": gzipped(t, zeros), "x.txt.zst": zstandard(t, zeros), "x.zip": zipped(t, member{"a.txt", string(zeros[:anyFile/2+1])}, member{"b.txt", string(zeros[:anyFile/2+1])})} {
		got, err := unpack(t, name, content)
		assert.ErrorIs(t, err, errBomb, name)
		assert.ErrorContains(t, err, "250 times its size", name)
		all := 0
		for _, text := range got {
			all += len(text)
		}
		assert.LessOrEqual(t, all, anyFile+1, "no more than the bound is written of %s", name)
	}
}

func TestUnpack_writesNothingOutside(t *testing.T) {
	for name, content := range map[string][]byte{
		"x.zip": zipped(t, member{"../evil.txt", "x"}), "y.zip": zipped(t, member{`..\evil.txt`, "x"}), "z.zip": zipped(t, member{"/evil.txt", "x"}), "w.zip": zipped(t, member{`C:\evil.txt`, "x"}),
		"x.tar": tarred(t, member{"a/../../evil.txt", "x"}), "y.tar": tarred(t, member{"/evil.txt", "x"}),
	} {
		got, err := unpack(t, name, content)
		assert.ErrorContains(t, err, "lies outside of it", name)
		assert.Empty(t, got, name)
	}
}

func TestUnpack_saysWhatIsWrong(t *testing.T) {
	whole := gzipped(t, []byte(strings.Repeat("lorem ipsum ", 1000)))
	broken := bytes.Clone(whole)
	broken[len(broken)-6] ^= 1
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"a.txt.gz":  {[]byte("plain text, not packed"), "it is not compressed with gzip, as its ending says"},
		"b.txt.zst": {[]byte("plain text, not packed"), "it is not compressed with Zstandard, as its ending says"},
		"c.txt.gz":  {whole[:len(whole)-20], "it is cut off: its end is missing"},
		"d.txt.gz":  {broken, "it is broken: its checksum is another one"},
		"e.zip":     {[]byte("plain text"), "it is no ZIP archive"},
		"f.tar.gz":  {gzipped(t, []byte(strings.Repeat("no tar archive ", 100))), "it is no tar archive"},
		"g.txt.gz":  {nil, "it is cut off"},
	} {
		_, err := unpack(t, name, c.content)
		assert.ErrorContains(t, err, c.says, name)
	}
}

func TestFormOf_isTheEndings(t *testing.T) {
	for name, want := range map[string]Form{"a.jsonl": None, "a.jsonl.gz": Compressed, "a.tar.gz": Archive, "a.ZIP": Archive, "gz": None} {
		form, _ := FormOf(name)
		assert.Equal(t, want, form, name)
	}
	_, inner := FormOf("chats.jsonl.zst")
	assert.Equal(t, "chats.jsonl", inner)
}

func TestUnpack_endsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt.gz")
	require.NoError(t, os.WriteFile(path, gzipped(t, []byte("text")), 0o600))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, Unpacker{}.Unpack(over, path, t.TempDir(), "a.txt"), context.Canceled)
}

func TestUnpack_whatIsPackedInAnArchiveSharesItsBudget(t *testing.T) {
	part := gzipped(t, make([]byte, anyFile/2+1))
	folder, into := t.TempDir(), t.TempDir()
	path := filepath.Join(folder, "a.tar")
	require.NoError(t, os.WriteFile(path, tarred(t, member{"a.txt.gz", string(part)}, member{"b.txt.gz", string(part)}), 0o600))
	p := Unpacker{Budget: BudgetOf(1)}
	require.NoError(t, p.Unpack(t.Context(), path, folder, "a"))
	require.NoError(t, p.Unpack(t.Context(), filepath.Join(folder, "a.txt.gz"), into, "a.txt"))
	assert.ErrorIs(t, p.Unpack(t.Context(), filepath.Join(folder, "b.txt.gz"), into, "b.txt"), errBomb)
}

func TestUnpack_whatIsNotWrittenIsBoundedToo(t *testing.T) {
	skipped := &passing{Reader: strings.NewReader("0123456789"), of: &unpacking{ctx: t.Context(), Budget: BudgetOf(1)}, most: 5}
	_, err := io.ReadAll(skipped)
	assert.ErrorIs(t, err, errBomb)
}
