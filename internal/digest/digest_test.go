package digest_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/digest"
)

func TestFiles_areNamedWithWhatIsInThem(t *testing.T) {
	from := fstest.MapFS{"data/b.csv": {Data: []byte("1,2")}, "data/a.jsonl": {Data: []byte("{}")}}
	files := digest.Files{}
	assert.Empty(t, files.String())
	require.NoError(t, files.Add("my/b.csv", from, "data/b.csv"))
	require.NoError(t, files.Add("a", from, "data/a.jsonl"))
	require.NoError(t, files.Add("again", from, "data/a.jsonl"))
	assert.Equal(t, "a.jsonl 44136fa355b3, b.csv 17f8af97ad4a", files.String(), "the beginnings of their SHA-256, each file once")

	from["data/a.jsonl"] = &fstest.MapFile{Data: []byte("[]")}
	require.NoError(t, files.Add("a", from, "data/a.jsonl"))
	assert.Contains(t, files.String(), "44136fa355b3", "it is read once")
	assert.ErrorIs(t, files.Add("gone", from, "data/gone.csv"), fs.ErrNotExist)
}

func TestFiles_ofSeveralPartsAreOne(t *testing.T) {
	from := fstest.MapFS{"a.txt": {Data: []byte("1")}, "b/c.txt": {Data: []byte("2")}}
	sum := func(parts ...string) string {
		files := digest.Files{}
		require.NoError(t, files.AddParts("x", "data/chats.zip", from, parts))
		return files.String()
	}
	both := sum("a.txt", "b/c.txt")
	assert.Regexp(t, `^chats\.zip [0-9a-f]{12}$`, both)
	assert.NotEqual(t, both, sum("a.txt"))
	from["b/c.txt"].Data = []byte("3")
	assert.NotEqual(t, both, sum("a.txt", "b/c.txt"))
}
