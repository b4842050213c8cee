package ci_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/vllmspec/vllmspec/reports/ci"
)

// A test process begins, and has a scenario that passed. Its results are written when it ends.
func ExampleFolder() {
	out, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(out)
	folder, err := ci.Begin(nil, out, ci.CurrentSession())
	if err != nil {
		fmt.Println(err)
		return
	}
	told := ci.ScenarioResult{Feature: "Chat", Path: "features/chat.feature", Scenario: "Busy hours", Row: 3, Nth: 1, Of: 1, Passed: true}
	if err := folder.End(ci.Results{Scenarios: []ci.ScenarioResult{told}}, nil); err != nil {
		fmt.Println(err)
		return
	}
	files, _ := filepath.Glob(filepath.Join(out, "*.*"))
	for _, file := range files {
		if name := filepath.Base(file); name[0] != '.' {
			fmt.Println(name)
		}
	}
	// Output:
	// badge.svg
	// cucumber.json
	// junit.xml
	// summary.md
}
