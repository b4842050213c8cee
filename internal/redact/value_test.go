package redact_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/internal/redact"
)

func TestValue_isHiddenBehindTheNameOfASecret(t *testing.T) {
	for _, c := range []struct{ name, value, shown string }{
		{"hf_token", "hf_abc", redact.Hidden},
		{"api_key", "abc", redact.Hidden},
		{"password", "12345678", redact.Hidden},
		{"kv_cache_size_tokens", "64000", "64000"},
		{"cache_hit_alignment_tokens", "None", "None"},
		{"max_num_batched_tokens", "8192", "8192"},
		{"model_name", "llama", "llama"},
		{"token", "", ""},
	} {
		assert.Equal(t, c.shown, redact.Value(c.name, c.value), c.name)
	}
}

func TestText_keepsTheFieldThatAServerRefuses(t *testing.T) {
	s := new(redact.Secrets)
	for _, said := range []string{"Unexpected key: max_completion_tokens", "unknown key: stream_options", "invalid token: cache_salt is not supported"} {
		assert.Equal(t, said, s.Text(said))
	}
	assert.NotContains(t, s.Text("api-key: abcdef12345"), "abcdef12345")
	assert.NotContains(t, s.Text("token: hf_abcdefghijklmnopqrstuvwxyz1234"), "abcdefghijklmnop")
}

func TestSecrets_ofACommandAreNoNumbers(t *testing.T) {
	s := new(redact.Secrets)
	s.AddWords([]string{"docker", "run", "--user", "1000:1000", "-e", "A=b"})
	s.AddEnvironment([]string{"VLLM_HEADERS=X-Tenant: 5000", "DATABASE_URL=postgres://h/db?application_name=production&sslmode=verify-full"})
	assert.Equal(t, "1000 of 5000 in production", s.Text("1000 of 5000 in production"))
}
