package writes_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A promise is a row of docs/reliability.md.
type promise struct{ promised, tested, file, counted string }

func promises() []promise {
	return []promise{
		{"A run is published whole, or stays hidden and becomes a run again; nothing that is not stored is called met", "TestEveryOperation_ofAGoTest_canFail", "steps/writes/fault_test.go",
			"140 operations of two go tests, each failing in one of four ways (no space, I/O error, forbidden, too many open files): 0 called met, 0 left that no run could be made of; 14 in virtual time were lost and said so"},
		{"A live run loses nothing to an operation that fails once", "TestEveryOperation_canFailOnce", "harness/store/fault_test.go",
			"424 cases: each of 106 operations in four ways, 0 requests lost of a live run"},
		{"Of a disk that stays full, what was written a second before is salvaged", "TestAFullDisk_losesTheLastSecondAtMost", "harness/store/fault_test.go",
			"full from each of 59 operations on: 0 requests lost that were older"},
		{"A disk that fills changes no earlier run and tears no file for CI", "TestDisk_thatFills", "steps/writes/tmpfs_linux_test.go",
			"20 sizes, 0 to 608 KiB: 11 passed with all stored, 8 runs were salvaged, 0 earlier runs changed"},
		{"A kill costs nothing older than a second", "TestKills_atRandomMoments", "steps/writes/kill_test.go",
			"300 kills of one run, repeats and searches, 223 while it lived: 187 folders salvaged, of 2,510 answers older than a second 0 lost"},
		{"Also one in the middle of a write, a rename or a sync", "TestKills_inOperations", "steps/writes/kill_test.go",
			"60 kills in 107 operations: 26 folders salvaged, of 403 answers older than a second 0 lost"},
		{"Salvage can fail anywhere, and be done again", "TestSalvage_canFailAnywhere", "harness/store/fault_test.go",
			"each of 35 operations"},
		{"Two go tests in one folder share no file and lose no result", "TestTwoGoTests_inOneCheckout", "steps/writes/beside_test.go",
			"two at once, with a server each"},
	}
}

// TestThePromises_areThoseOfTheDocument holds docs/reliability.md against this table, and the table against the tests.
func TestThePromises_areThoseOfTheDocument(t *testing.T) {
	root := filepath.Join("..", "..")
	var table strings.Builder
	table.WriteString("| promised | tested by | counted |\n|---|---|---|\n")
	for _, p := range promises() {
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(p.file)))
		require.NoError(t, err)
		assert.Contains(t, string(source), "func "+p.tested+"(", "the test is not there any more")
		fmt.Fprintf(&table, "| %s | `%s` | %s |\n", p.promised, p.tested, p.counted)
	}
	document, err := os.ReadFile(filepath.Join(root, "docs", "reliability.md"))
	require.NoError(t, err)
	assert.Contains(t, string(document), table.String(), "the section Writes of docs/reliability.md is to have this table")
}
