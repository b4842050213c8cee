package credentials

import "github.com/vllmspec/vllmspec/internal/redact"

// Secrets are values that must not be shown, wherever they come from: keys, passwords in
// addresses, values of headers. What this project writes is looked through for them. The
// zero value is empty and ready for use.
type Secrets = redact.Secrets
