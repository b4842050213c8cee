package media_test

import (
	"bytes"
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/media"
)

// A clip is made from its seed, of an exact length.
func Example() {
	clip := harness.Medium{Kind: harness.Clip, Length: 10 * time.Second, Seed: 7}
	file := media.Make(clip, "this run")
	length, err := media.WAVLength(bytes.NewReader(file))
	fmt.Println(clip, "has", len(file), "bytes and plays for", length, err)
	// Output: clip of 10s has 320044 bytes and plays for 10s <nil>
}
