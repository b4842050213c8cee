package writes_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/store"
)

// TestTwoGoTests_inOneCheckout run at once, each with a server of its own: no file of one holds a word of the
// other, and the faces tell of both.
func TestTwoGoTests_inOneCheckout(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "out")
	var waits []func() error
	for _, name := range []string{"Scenario: One", "Scenario: Two"} {
		root := t.TempDir()
		put(t, root, strings.NewReplacer("Scenario: One", name, "20 requests", "1 second", "error rate | none", "error rate | at most 50%").Replace(virtual))
		c, output := started(t, root, -1, "VLLM_COMMAND="+self+" serve", "VLLMSPEC_OUT="+out)
		waits = append(waits, func() error {
			err := c.Wait()
			if err != nil {
				t.Log(output)
			}
			return err
		})
	}
	for _, wait := range waits {
		require.NoError(t, wait())
	}
	assert.Equal(t, 6, isWhole(t, out, "after both"))
	names, err := store.Names(out)
	require.NoError(t, err)
	require.Len(t, names, 2)
	servers := map[string]bool{}
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(out, name, "server.log"))
		require.NoError(t, err)
		found := regexp.MustCompile(`server (\d+) says`).FindAllStringSubmatch(string(raw), -1)
		require.Len(t, found, 200, "all that its server wrote")
		for _, line := range found {
			require.Equal(t, found[0][1], line[1], "and of no other")
		}
		servers[found[0][1]] = true
	}
	assert.Len(t, servers, 2)
	var junit struct {
		Tests int `xml:"tests,attr"`
	}
	raw, err := os.ReadFile(filepath.Join(out, "junit.xml"))
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(raw, &junit))
	assert.Equal(t, 2, junit.Tests)
	for _, face := range []string{"junit.xml", "cucumber.json", "summary.md", "index.html"} {
		raw, err := os.ReadFile(filepath.Join(out, face))
		require.NoError(t, err)
		assert.Contains(t, string(raw), "One", face)
		assert.Contains(t, string(raw), "Two", face)
	}
	left, err := filepath.Glob(filepath.Join(out, ".running-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
