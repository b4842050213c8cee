package steps_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/steps"
)

// The sentences are data: a program can list them.
func ExampleVocabulary() {
	for _, concept := range steps.Vocabulary() {
		if concept.Name == "How long an answer may take" {
			for _, s := range concept.Sentences {
				fmt.Println(s.Shape)
			}
		}
	}
	// Output:
	// an answer may take at most …
	// answers are awaited for at most … after the load
}
