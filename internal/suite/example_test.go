package suite_test

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
)

// Twenty requests are sent to the mock of a server, over TCP and in real time. A feature on
// the virtual clock (feature.Virtual) is run in a bubble of testing/synctest instead; vllmspec.Run
// does both, and is what a test of one's own module calls.
func ExampleSuite() {
	root, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	const feature = `Feature: Chat
  Scenario: Twenty questions are answered
    Given the model "llama-3.1-8b" is being served
    And prompts of 16 tokens are answered in 8 tokens
    And requests arrive evenly at 100 per second
    When the load runs for 20 requests
    Then these objectives are met:
      | requests   | exactly 20 |
      | error rate | none       |
`
	if err := os.Mkdir(filepath.Join(root, "features"), 0o755); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "features", "chat.feature"), []byte(feature), 0o644); err != nil {
		log.Fatal(err)
	}
	env, err := environment.Read(root, []string{"VLLMSPEC_TARGET=mock", "VLLMSPEC_DASHBOARD=off"})
	if err != nil {
		log.Fatal(err)
	}
	s := suite.New(env, time.Time{}, new(suite.Interrupt), io.Discard)
	features, err := s.Features()
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range features {
		passed, err := s.Run(f)
		fmt.Println(f.Name(), passed, err)
	}
	if err := s.Close(); err != nil { // junit.xml and the list of runs are written now
		log.Fatal(err)
	}
	runs, _ := filepath.Glob(filepath.Join(env.Out, "run=*", "verdicts.json"))
	fmt.Println(len(runs), "run is stored")
	// Output:
	// features/chat.feature true <nil>
	// 1 run is stored
}
