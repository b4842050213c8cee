package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/internal/redact"
)

func TestSecrets_names(t *testing.T) {
	for _, name := range []string{"token", "hf_token", "hfToken", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "--api-key", "api_key", "apiKey", "APIKey", "AWS_SECRET_ACCESS_KEY", "aws-session-token", "password", "DB_PASSWORD_2",
		"passwd", "client_secret", "credentials", "Authorization", "Proxy-Authorization", "X-Api-Key", "Set-Cookie", "private_key", "my_token_v2", "tokens", "bearer", "key", "model_config.hf_token", "sig"} {
		assert.True(t, redact.Named(name), name)
	}
	for _, name := range []string{"", "max_tokens", "max_num_batched_tokens", "prompt_tokens", "completion_tokens_details", "bos_token", "eos_token_id", "stop_token_ids", "token_ids", "tokenizer", "tokenizer_mode",
		"skip_tokenizer_init", "TOKENIZERS_PARALLELISM", "long_prefill_token_threshold", "return_token_ids", "keyword", "monkey", "public_key", "VLLM_KEY_FILE", "VLLM_API_KEY_FILE", "VLLM_API_KEY_COMMAND", "author", "model", "passed",
		"num_lookahead_tokens", "token_type", "key_value_dtype", "kv_cache_dtype", "ssl_keyfile"} {
		assert.False(t, redact.Named(name), name)
	}
}

func TestText_ofWhatPrograms_print(t *testing.T) {
	for text, want := range map[string]string{
		`{"api_key": "S3CRET"}`:                                           `{"api_key": "…"}`,
		`{\"api_key\": \"S3CRET\"}`:                                       `{\"api_key\": \"…\"}`,
		`{'hf_token': 'S3CRET', 'seed': 0}`:                               `{'hf_token': '…', 'seed': 0}`,
		`ModelConfig(hf_token='S3CRET', seed=0)`:                          `ModelConfig(hf_token='…', seed=0)`,
		`hf_token=SecretStr('S3CRET')`:                                    `hf_token=SecretStr('…')`,
		`api_key: ['S3CRET', 'S3CRET'] and`:                               `api_key: […] and`,
		`hf_token=None, max_tokens=5, tokens: 12`:                         `hf_token=None, max_tokens=5, tokens: 12`,
		`hf_token='S3CRET`:                                                `hf_token='…`,
		`vllm serve --api-key S3CRET --port 8000`:                         `vllm serve --api-key … --port 8000`,
		`vllm serve --api_key=S3CRET x`:                                   `vllm serve --api_key=… x`,
		`["--api-key", "S3CRET"]`:                                         `["--api-key", "…"]`,
		`--api-key --port 8000`:                                           `--api-key --port 8000`,
		`export MY_TOKEN=S3CRET; run`:                                     `export MY_TOKEN=…; run`,
		`os.environ["MY_TOKEN"] = "S3CRET"`:                               `os.environ["MY_TOKEN"] = "…"`,
		`Authorization: Bearer S3CRET-S3CRET`:                             `Authorization: …`,
		`Cookie: a=S3CRET; b=S3CRET`:                                      `Cookie: …`,
		"Cookie: a=S3CRET\r\nHost: x":                                     "Cookie: …\r\nHost: x",
		`got Bearer S3CRET-S3CRET.`:                                       `got Bearer …`,
		`Bearer authentication is required`:                               `Bearer authentication is required`,
		`at https://u:S3CRET@host/a?sig=S3CRET&b=S3CRET, twice`:           `at https://host/a?sig=…&b=…, twice`,
		`(see https://docs.vllm.ai/en/latest/)`:                           `(see https://docs.vllm.ai/en/latest/)`,
		`Unexpected token: a comma is missing`:                            `Unexpected token: a comma is missing`,
		`the key: it has several words`:                                   `the key: it has several words`,
		`password: S3CRET`:                                                `password: …`,
		`token: abcdefgh12345678`:                                         `token: …`,
		`hf_abcdefghijklmnopqrstuv and sk-abcdefghijklmnopqrstuv`:         `… and …`,
		"-----BEGIN PRIVATE KEY-----\nS3CRET\n-----END PRIVATE KEY-----!": `…!`,
		`Error: std::bad_alloc at 0x12: 5 = 5`:                            `Error: std::bad_alloc at 0x12: 5 = 5`,
		`"max_tokens": 5, "usage": {"prompt_tokens": 3}`:                  `"max_tokens": 5, "usage": {"prompt_tokens": 3}`,
	} {
		assert.Equal(t, want, new(redact.Secrets).Text(text), text)
		assert.Equal(t, want, (*redact.Secrets)(nil).Text(text), "none are known: %s", text)
	}
}

func TestSecrets_shortOnesMakeNoHoles(t *testing.T) {
	secrets := new(redact.Secrets)
	secrets.Add("x", "key", "test", "12345678", "production")
	assert.Equal(t, "the latest x has a key: …, … and %20…", secrets.Text("the latest x has a key: test, \\ntest and %20test"[:24]+"test, test and %20test"))
	assert.Equal(t, "in … 9 of …", secrets.Text("in production 9 of 12345678"))
	assert.Equal(t, "in production 9 of 12345678", secrets.Own("in production 9 of 12345678"), "a word, or a number, of ours")
	assert.Equal(t, `api_key="…"`, secrets.Text(`api_key="x"`), "by its name")
}

func TestJSON_keepsItsOrderAndItsNumbers(t *testing.T) {
	secrets := new(redact.Secrets)
	secrets.Add("hunter2-hunter2")
	got := secrets.JSON([]byte(`{"z": 1.50, "a": {"hf_token": "S3CRET", "max_tokens": 5, "tokens": ["S3CRET"], "password": 123456, "token": 5}, "said": "it was hunter2-hunter2",
		"env": [{"name": "HF_TOKEN", "value": "S3CRET"}, {"name": "HOME", "value": "/root"}], "argv": ["--api-key", "S3CRET", "--port", "8000"], "inner": "{\"secret\": \"S3CRET\"}", "empty_token": ""}`))
	assert.Equal(t, `{"z":1.50,"a":{"hf_token":"…","max_tokens":5,"tokens":["…"],"password":"…","token":5},"said":"it was …",`+
		`"env":[{"name":"HF_TOKEN","value":"…"},{"name":"HOME","value":"/root"}],"argv":["--api-key","…","--port","8000"],"inner":"{\"secret\": \"…\"}","empty_token":""}`, string(got))
	assert.Equal(t, "no JSON, token='…'", string(secrets.JSON([]byte("no JSON, token='S3CRET'"))))
}

func TestWords_ofCommands(t *testing.T) {
	secrets := new(redact.Secrets)
	words := []string{"env", "MY_TOKEN=S3CRET x", "curl", "-u", "me:S3CRET", "-H", "X-Api-Key: S3CRET", "https://u:S3CRET@host", "vllm", "serve", "--api_key", "S3CRET", "--hf-token=S3CRET", "--max-num-batched-tokens", "8192", "sh", "-c", "A_SECRET=S3CRET run --db-password S3CRET"}
	assert.Equal(t, []string{"env", "MY_TOKEN=…", "curl", "-u", "…", "-H", "X-Api-Key: …", "https://host", "vllm", "serve", "--api_key", "…", "--hf-token=…", "--max-num-batched-tokens", "8192", "sh", "-c", "A_SECRET=…"}, secrets.Words(words))
	secrets.AddWords([]string{"env", "MY_TOKEN=first-one", "run", "--client-secret", "second-one", "-u", "me:third-one", "sh", "-c", "A_TOKEN=fourth-one x"})
	assert.Equal(t, "… … … …", secrets.Text("first-one second-one third-one fourth-one"))
}

func TestSecrets_ofAnEnvironment(t *testing.T) {
	secrets := redact.OfEnvironment([]string{"AWS_SECRET_ACCESS_KEY=first-one", "TOKENIZERS_PARALLELISM=false", "HTTP_PROXY=http://me:second-one@proxy:3128", "BROKEN=http://me:third-one@proxy:x x",
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20fourth-one,b=fifth-one", "VLLM_HEADERS=X-A: sixth-one; X-B: Basic " + base64.StdEncoding.EncodeToString([]byte("me:seventh-one")), "HOME=/root", "VLLM_API_KEY=true"})
	for _, secret := range []string{"first-one", "second-one", "third-one", "fourth-one", "fifth-one", "sixth-one", "seventh-one"} {
		assert.Equal(t, "it is …", secrets.Text("it is "+secret), secret)
	}
	assert.Equal(t, "it is false and true in /root", secrets.Text("it is false and true in /root"))
	assert.Nil(t, redact.OfEnvironment([]string{"HOME=/root"}))
}

// written are the ways in which a secret may be repeated.
func written(secret string) map[string]string {
	asJSON, _ := json.Marshal(secret)
	return map[string]string{"plain": secret, "a query": url.QueryEscape(secret), "a path": url.PathEscape(secret), "JSON": string(asJSON), "HTML": html.EscapeString(secret), "hex": hex.EncodeToString([]byte(secret)),
		"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64 of a login": base64.StdEncoding.EncodeToString([]byte("me:" + secret)), "base64 of more": base64.URLEncoding.EncodeToString([]byte("ab" + secret + "cd"))}
}

// FuzzSecrets holds that a known secret is nowhere, in whatever text and writing it comes.
func FuzzSecrets(f *testing.F) {
	f.Add("hunter2-hunter2", "it was ", " and more")
	f.Add("p@ss/w+rd&1<2>\"3'", "{\"token\":\"", "\"}")
	f.Add("größe-geheim-ß", "%20", "\\n")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		secret = strings.TrimSpace(secret)
		if len(secret) < 8 || len(secret) > 200 || strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == '\uFFFD' }) || strings.Contains(before+after, "…") || strings.Contains("…", secret) {
			return
		}
		secrets := new(redact.Secrets)
		secrets.Add(secret)
		for name, form := range written(secret) {
			got := secrets.Text(before + form + after)
			if strings.Contains(got, secret) {
				t.Errorf("%s: %q is in %q", name, secret, got)
			}
			if core := form[min(2, len(form)):max(2, len(form)-4)]; len(core) > 10 && name != "JSON" && strings.Contains(got, core) {
				t.Errorf("%s: %q is in %q", name, core, got)
			}
		}
		asJSON, _ := json.Marshal(map[string]any{"a": before + secret + after, "b": []string{secret}})
		if got := secrets.JSON(asJSON); !json.Valid(got) || strings.Contains(fmt.Sprint(unmarshalled(got)), secret) {
			t.Errorf("%q is in %s", secret, got)
		}
	})
}

func unmarshalled(raw []byte) (value any) {
	_ = json.Unmarshal(raw, &value) // whether it is valid was looked at
	return value
}

// FuzzJSON holds that JSON stays JSON of the same shape, and that what is redacted stays as it is.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"token": "a", "b": [1, 2.50, {"name": "HF_TOKEN", "value": "x"}]}`, `"a"`, `[[["--api-key", "x"]]]`, `{"a": "{\"key\": \"v\"}"}`, `{"password": {"a": [1, null, true]}}`, "no", `{} {}`, `{"a":`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		secrets := new(redact.Secrets)
		got := secrets.JSON(raw)
		if !json.Valid(raw) {
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%s became %s", raw, got)
		}
		if again := secrets.JSON(got); string(again) != string(got) {
			t.Fatalf("%s became %s", got, again)
		}
		if own := secrets.OwnJSON(raw); !json.Valid(own) {
			t.Fatalf("%s became %s", raw, own)
		}
	})
}
