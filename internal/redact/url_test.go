package redact_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/internal/redact"
)

func TestURL_showsNoCredentials(t *testing.T) {
	for raw, want := range map[string]string{
		"http://10.0.0.1:8000":                           "http://10.0.0.1:8000",
		"https://vllm.example/metrics":                   "https://vllm.example/metrics",
		"http://user:S3CRET@host:8000/v1":                "http://host:8000/v1",
		"http://S3CRET@host":                             "http://host",
		"http://user:@host":                              "http://host",
		"http://:S3CRET@host":                            "http://host",
		"http://user:S3@CRET@host/metrics":               "http://host/metrics",
		"http://user:S3%2FCRET@[::1]:9400/metrics":       "http://[::1]:9400/metrics",
		"http://user:12?S3CRET@host/metrics":             redact.Unreadable,
		"http://user:12#S3CRET@host/metrics":             redact.Unreadable,
		"http://user:12/S3CRET@host/metrics":             redact.Unreadable,
		"http://user:S3CRET/x@host/metrics":              redact.Unreadable,
		"http://user:S3%CRET@host":                       redact.Unreadable,
		"http://host:80a0":                               "http://host:80a0",
		"http://ho st/?token=S3CRET":                     "http://ho st/?token=…",
		"user:S3CRET@host:8000":                          "host:8000",
		"user:S3@CRET@host:8000":                         "host:8000",
		"S3CRET@host":                                    "host",
		"//user:S3CRET@host/metrics":                     "//host/metrics",
		"localhost:8000":                                 "localhost:8000",
		"http://host/metrics?token=S3CRET":               "http://host/metrics?token=…",
		"http://host/metrics?a=S3CRET&b=S3CRET;c=S3CRET": "http://host/metrics?a=…&b=…&c=…",
		"http://host/metrics?S3CRET":                     "http://host/metrics?…",
		"http://host/metrics?":                           "http://host/metrics",
		"http://host/metrics?sig=S3CRET%3D%3D#S3CRET":    "http://host/metrics?sig=…",
		"host:8000/metrics?token=S3CRET#S3CRET":          "host:8000/metrics?token=…",
		"ssh://git:S3CRET@host:22":                       "ssh://host:22",
		"unix:///var/run/docker.sock":                    "unix:///var/run/docker.sock",
		" http://user:S3CRET@host ":                      "http://host",
		"":                                               "",
	} {
		got := redact.URL(raw)
		assert.Equal(t, want, got, raw)
		assert.NotContains(t, got, "S3")
		assert.NotContains(t, strings.ToUpper(got), "CRET")
	}
}

// FuzzURL hides a secret in every place of an address that is for one.
func FuzzURL(f *testing.F) {
	f.Add("hunter2", "host:8000", "/metrics")
	f.Add("p@ss/w?o#rd", "[::1]", "")
	f.Add("%zz", "a", "/b")
	f.Fuzz(func(t *testing.T, secret, host, path string) {
		if len(secret) < 4 || strings.Contains(host+path+url.PathEscape(host+path), secret) || strings.ContainsAny(host, "/?#@") {
			return
		}
		for _, raw := range []string{"http://user:" + secret + "@" + host + path, "http://" + host + path + "?token=" + secret} {
			if got := redact.URL(raw); strings.ContainsAny(secret, "/?#&;=%") { // then only a part of it can be where it was meant to be
				continue
			} else if strings.Contains(got, secret) {
				t.Errorf("%q shows %q: %q", raw, secret, got)
			}
		}
	})
}
