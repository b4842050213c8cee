package redact_test

import (
	"testing"

	"github.com/vllmspec/vllmspec/internal/redact"
)

// BenchmarkText is what each request's id costs.
func BenchmarkText(b *testing.B) {
	secrets := new(redact.Secrets)
	for b.Loop() {
		secrets.Text("cmpl-6f1a3c5e7b9d4f2a8c0e1b3d5f7a9c2e-0")
	}
}

// BenchmarkKnown is the same where some secrets are known.
func BenchmarkKnown(b *testing.B) {
	secrets := new(redact.Secrets)
	secrets.Add("hunter2hunter2", "another-s3cret", "short1")
	for b.Loop() {
		secrets.Text("cmpl-6f1a3c5e7b9d4f2a8c0e1b3d5f7a9c2e-0")
	}
}
