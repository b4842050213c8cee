package validity_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/validity"
)

// An answer is to be JSON that follows a schema.
func Example() {
	schema, err := validity.ReadSchema("city.json", []byte(`{"type": "object", "required": ["city"]}`))
	if err != nil {
		panic(err)
	}
	for _, answer := range []string{`{"city": "Oslo"}`, `{"town": "Oslo"}`, `{"city": "Os`} {
		fmt.Println(schema.Of(harness.Answer{Text: answer}))
	}
	// Output:
	// valid
	// off the schema
	// not JSON
}
