package dataset_test

import (
	"flag"
	"os"
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset"
)

var update = flag.Bool("update", false, "write the table of formats in docs/files.md anew")

func TestFormats_areAllInTheDocs(t *testing.T) {
	const path = "../../docs/files.md"
	committed, err := os.ReadFile(path)
	require.NoError(t, err)
	table := regexp.MustCompile(`(?s)<!-- formats -->\n.*<!-- /formats -->`)
	require.Regexp(t, table, string(committed))
	fresh := table.ReplaceAllLiteralString(string(committed), "<!-- formats -->\n"+dataset.FormatTable()+"<!-- /formats -->")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(fresh), 0o644))
		return
	}
	assert.Equal(t, fresh, string(committed), "run go test ./harness/dataset -run Formats -update")
}

func TestShareGPT_elementsThatAreNoObjectsAreLeftOut(t *testing.T) {
	one := `{"conversations": [{"from": "human", "value": "one"}]}`
	for _, other := range []string{`null`, `"a text, with ] and \""`, `[1, {"a": "]"}]`, `17`, `true`} {
		d := &dataset.File{FS: fstest.MapFS{"x.json": {Data: []byte("[" + one + ", " + other + ",\n" + one + "," + one + "]")}}, Path: "x.json"}
		n, err := d.Count()
		require.NoError(t, err, other)
		assert.Equal(t, 3, n, other)
		assert.Equal(t, []string{"x.json: 4 conversations: 1 left out (1 in another form)"}, d.Remarks(), other)
	}
	_, err := of(fstest.MapFS{"x.json": {Data: []byte("[" + one + ", null, null]")}}, "x.json").Count()
	assert.ErrorContains(t, err, "element 2 of the array is no object: null; 2 of 3 conversations cannot be asked")
	for _, broken := range []string{"[" + one + ", nul", "[" + one + `, "`, "[" + one + ", [", "[" + one + ", ?]"} {
		_, err := of(fstest.MapFS{"x.json": {Data: []byte(broken)}}, "x.json").Count()
		assert.Error(t, err, broken)
	}
}
