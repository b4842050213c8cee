package suite_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// orders are what CI systems and terminals obey, and what turns a line around.
const orders = "said\n::add-mask::e\r\n::error file=x,line=1::forged\r  ::stop-commands::hush\n\u00a0::set-env name=X::y\n##[error]forged ##vso[task.complete]x\n" +
	"##teamcity[testFailed name='x'] section_start:1:x\r\x1b[0Kx \x1b]0;title\a\u009b31mred \u202edesrever\u2066 <script>alert(1)</script> [x](http://evil.example) | `c` \u2028::debug::x"

// obeyed are the lines of an output that GitHub's runner takes for commands: those that begin with
// "::" behind any white space, and those with "##[" in them.
func obeyed(output string) (lines []string) {
	for line := range strings.FieldsFuncSeq(output, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if strings.HasPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::") || regexp.MustCompile(`##([a-z]+)?\[|section_(start|end):`).MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// isText holds that a text moves no cursor and turns no line.
func isText(t *testing.T, what, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028') {
			t.Errorf("%s holds %U", what, r)
			return
		}
	}
}

// TestOutput_whatAServerSaysIsNoCommand has a server say orders wherever it says anything. Only our own
// annotations are obeyed, and they are whatever the server says.
func TestOutput_whatAServerSaysIsNoCommand(t *testing.T) {
	t.Parallel()
	p := &planting{t: t, planted: map[string]bool{}}
	server := &parrot{planting: p, says: orders, load: 12}
	listening := server.start()
	defer listening.Close()
	step := filepath.Join(t.TempDir(), "step.md")
	text := strings.NewReplacer("One", "One \u202e::error::x ##[error]y <b>", "X", "X ::error::x").Replace(quick)
	r := feature(t, text, "VLLM_URL="+listening.URL, "VLLMSPEC_DASHBOARD=off", "GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY="+step)
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "add-mask", "its words stay readable")
	isText(t, "the output", r.output)
	commands := obeyed(r.output)
	require.Len(t, commands, 1, "our own annotation, and no other command")
	assert.True(t, strings.HasPrefix(commands[0], "::error file=features/x.feature,line=2,title=One"), commands[0])

	for _, name := range []string{"junit.xml", "summary.md", "badge.svg"} {
		raw, err := os.ReadFile(filepath.Join(r.out, name))
		require.NoError(t, err)
		isText(t, name, string(raw))
		assert.NotContains(t, string(raw), "<script>", name)

		assert.Empty(t, obeyed(string(raw)), name)
		if name != "summary.md" {
			assert.NoError(t, xml.Unmarshal(raw, new(struct{})), name)
		}
	}
	summary, err := os.ReadFile(step)
	require.NoError(t, err)
	assert.NotRegexp(t, `(^|[^\\])\]\(`, string(summary))
	page, err := os.ReadFile(filepath.Join(r.runs[0], "report.html"))
	require.NoError(t, err)
	assert.NotContains(t, string(page), "<script>alert")
}

// TestOutput_lastWordsOfAServerAreNoCommand shows the last lines of a server's log.
func TestOutput_lastWordsOfAServerAreNoCommand(t *testing.T) {
	t.Parallel()
	said := filepath.Join(t.TempDir(), "said")
	require.NoError(t, os.WriteFile(said, []byte(orders), 0o644))
	r := feature(t, quick, "VLLM_COMMAND=sh "+script(t, "cat "+said, "exit 3"), "GITHUB_ACTIONS=true", "PATH="+os.Getenv("PATH"))
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "its last lines")
	assert.Contains(t, r.output, "add-mask")
	isText(t, "the output", r.output)
	require.Len(t, obeyed(r.output), 1)
}
