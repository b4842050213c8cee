package suite_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

// fromFile is a feature that draws from a file, or plays a trace.
func fromFile(sentence, path string) string {
	return fmt.Sprintf(`@simulated
Feature: Schöne Grüße
  Scenario: One
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And %s %q
%s    When the load runs for 4 requests
    Then these objectives are met:
      | error rate | none |
`, sentence, path, map[bool]string{true: "", false: "    And answers are at most 8 tokens long\n    And requests arrive evenly at 2 per second\n"}[strings.Contains(sentence, "trace")])
}

// TestDataset_whatIsLeftOutIsSaid looks for it on the console, in the manifest and in the
// report.
func TestDataset_whatIsLeftOutIsSaid(t *testing.T) {
	for path, c := range map[string]struct{ sentence, content, says string }{
		"chats.json": {"conversations are drawn from", `[{"conversations": [{"from": "human", "value": "one"}]}, {"conversations": [{"from": "gpt", "value": "cut off"}]}, {"conversations": [{"from": "user", "value": "two"}]}]`,
			"chats.json: 3 conversations: 1 left out (1 without a user's turn)"},
		"chats.jsonl": {"conversations are drawn from", `{"conversations": [{"from": "human", "value": "one"}]}` + "\n" + `{"conversations": []}`,
			"chats.jsonl: 2 conversations: 1 left out (1 without turns)"},
		"prompts.csv": {"conversations are drawn from", "prompt;max_tokens\none;\ntwo;16\n;7\n", "prompts.csv: 3 prompts: 1 left out (1 with an empty prompt)"},
		"trace.csv": {"requests arrive as in the trace", "TIMESTAMP,ContextTokens,GeneratedTokens\n1,20,8\n2,20,0\n3,20,8\n4,20,8\n5,20,8\n",
			"5 requests: 1 left out (1 that failed, with an answer of 0 tokens)"},
	} {
		t.Run(path, func(t *testing.T) {
			at := filepath.Join(t.TempDir(), path)
			require.NoError(t, os.WriteFile(at, []byte(c.content), 0o644))
			r := feature(t, fromFile(c.sentence, at))
			require.True(t, r.passed, r.output)
			assert.Contains(t, r.output, c.says)
			assert.Contains(t, strings.Join(harness.WarningTexts(r.manifests(t)[0].Warnings), "\n"), c.says)
			report, err := os.ReadFile(filepath.Join(r.runs[0], "report.html"))
			require.NoError(t, err)
			assert.Contains(t, strings.ReplaceAll(string(report), "&#39;", "'"), c.says)
		})
	}
}

// TestFeatures_inTheEncodingsOfEditors has a byte order mark before them, or UTF-16.
func TestFeatures_inTheEncodingsOfEditors(t *testing.T) {
	at := filepath.Join(t.TempDir(), "prompts.txt")
	require.NoError(t, os.WriteFile(at, []byte("one\ntwo\n"), 0o644))
	text := fromFile("conversations are drawn from", at)
	units := binary.LittleEndian.AppendUint16(nil, 0xfeff)
	for _, unit := range utf16.Encode([]rune(text)) {
		units = binary.LittleEndian.AppendUint16(units, unit)
	}
	for name, written := range map[string]string{"mark": "\ufeff" + text, "UTF-16": string(units), "CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "CR": strings.ReplaceAll(text, "\n", "\r")} {
		r := feature(t, written)
		require.True(t, r.passed, name+r.output)
		assert.Contains(t, r.output, "Feature: Schöne Grüße", name)
	}
	_, err := try(t, strings.ReplaceAll(text, "ö", "\xf6"))
	assert.ErrorContains(t, err, "features/x.feature:2: the text is not UTF-8: there is a byte 0xf6 in it; save the file as UTF-8")
}
