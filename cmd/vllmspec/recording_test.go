package main

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the first use into docs/getting-started.md anew")

// A recording is what a user typed and read.
type recording struct{ text strings.Builder }

// add adds a line that was typed, and what it printed. What go says of modules depends on what has been downloaded.
func (r *recording) add(typed, printed string) {
	r.text.WriteString("$ " + typed + "\n")
	if strings.HasPrefix(typed, "go mod ") || strings.HasPrefix(typed, "go get ") {
		printed = "…\n"
	}
	r.text.WriteString(strings.TrimRight(printed, "\n") + "\n\n")
}

// elsewhere is the recording as any machine has it: without the folder, the time of day, and what the CPU made of it.
func (r *recording) elsewhere(folder string) string {
	text := strings.ReplaceAll(r.text.String(), folder, "/home/you/service")
	for _, of := range []struct{ pattern, by string }{
		{`run=\d{8}T\d{6}Z-`, "run=20261201T090000Z-"},
		{`\(\d+\.\d\ds\)`, "(3.00s)"},
		{`(?m)^(ok\s+\S+\s+)\d+\.\d+s$`, "${1}3.000s"},
		{`(?m)^=== (RUN|NAME) .*\n`, ""},
	} {
		text = regexp.MustCompile(of.pattern).ReplaceAllString(text, of.by)
	}
	return strings.TrimRight(text, "\n")
}

// isInTheDocument holds the recording to the one in docs/getting-started.md, or writes that anew.
func (r *recording) isInTheDocument(t *testing.T, folder string) {
	t.Helper()
	const document, begins, ends = "../../docs/getting-started.md", "<!-- recorded: go test ./cmd/vllmspec -update -->\n```text\n", "\n```\n"
	raw, err := os.ReadFile(document)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(raw), begins)
	require.True(t, found, "%s has no place for the recording", document)
	written, after, found := strings.Cut(rest, ends)
	require.True(t, found)
	fresh := r.elsewhere(folder)
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(before+begins+fresh+ends+after), 0o644))
		return
	}
	assert.Equal(t, fresh, written, "%s shows another first use than there is: go test ./cmd/vllmspec -update", document)
}
