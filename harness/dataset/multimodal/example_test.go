package multimodal_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/multimodal"
)

// Clips are drawn as prompts are; their sound is made when their request is.
func Example() {
	d := multimodal.Clips{Seconds: dataset.Length{Mean: 10}}
	all, err := d.Conversations(rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	for c := range all {
		fmt.Println(d, "such as a", c.Turns[0].Media[0])
		break
	}
	// Output: clips of 10 seconds such as a clip of 10s
}
