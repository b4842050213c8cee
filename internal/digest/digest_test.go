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
