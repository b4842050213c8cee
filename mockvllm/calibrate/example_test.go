package calibrate_test

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm"
	"github.com/vllmspec/vllmspec/mockvllm/calibrate"
)

// A profile is held against what a client saw of a real server.
func ExampleScore() {
	profile, err := mockvllm.ProfileFor("llama-3.1-8b", "one H100")
	if err != nil {
		fmt.Println(err)
		return
	}
	run := calibrate.Run{Name: "quiet"}
	for i := range 20 {
		longer := 1 + i/5 // so that the rows, a quarter of the requests each, have prompts of one length
		run.Requests = append(run.Requests, calibrate.Request{
			Sent: time.Duration(i) * time.Second, Prompt: 500 * longer, Output: 50, TTFT: time.Duration(15+11*longer) * time.Millisecond, TPOT: 7 * time.Millisecond})
	}
	rows, err := calibrate.Score(profile, []calibrate.Run{run})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range rows {
		fmt.Printf("%s: %d prompts of %.0f tokens: TTFT %v, the mock's %v\n", row.Run, row.Requests, row.Prompt, row.TTFT, row.MockTTFT.Round(time.Millisecond))
	}
	// Output:
	// quiet: 5 prompts of 500 tokens: TTFT 26ms, the mock's 24ms
	// quiet: 5 prompts of 1000 tokens: TTFT 37ms, the mock's 34ms
	// quiet: 5 prompts of 1500 tokens: TTFT 48ms, the mock's 46ms
	// quiet: 5 prompts of 2000 tokens: TTFT 59ms, the mock's 57ms
}
