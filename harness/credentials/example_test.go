package credentials_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// A token makes itself known to those who take secrets out of texts.
func Example() {
	token := credentials.Fixed("sk-4711-secret")
	var secrets redact.Secrets
	token.Tell(&secrets)
	fmt.Println(secrets.Text("the server refuses sk-4711-secret"))
	// Output:
	// the server refuses …
}
