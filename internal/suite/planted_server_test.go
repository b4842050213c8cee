package suite_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
)

// A parrot is a server that repeats all secrets that it could have seen, in all that it says, and
// has some of its own.
type parrot struct {
	*planting
	known []string // places of secrets that are configured
	says  string   // what it says besides
	asked atomic.Int64
	turn  atomic.Int64
	load  int64 // from this request on, requests go wrong in all ways
}

// all repeats what is configured, in four ways of writing.
func (s *parrot) all() string {
	var out []string
	for _, place := range s.known {
		secret := s.secret(place)
		out = append(out, "it was "+secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte("user:"+secret)), asJSON(secret))
	}
	return strings.Join(append(out, s.says), " ")
}

// some is what fits into a field: one of what is configured, another one each time.
func (s *parrot) some() string {
	if len(s.known) == 0 {
		return strings.Join(strings.Fields(s.says), " ")
	}
	at := int(s.turn.Add(1)) % len(s.known)
	return (&parrot{planting: s.planting, known: s.known[at : at+1]}).all()
}

func (s *parrot) start() *httptest.Server { return httptest.NewServer(s) }

func (s *parrot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v1/models":
		fmt.Fprintf(w, `{"object":"list","data":[{"id":"llama-3.1-8b","object":"model","max_model_len":4096,"access_token":"%s","root":"https://me:%s@hub.example/x","owned_by":"%s"}]}`,
			s.secret("an access token of the model's card"), s.simple("a URL of the model's card"), asJSON(s.all()))
	case "/version":
		fmt.Fprintf(w, `{"version":"0.32 api_key=%s %s"}`, s.simple("/version"), asJSON(s.some()))
	case "/server_info":
		s.info(w)
	case "/metrics":
		s.metrics(w)
	case "/gpus":
		fmt.Fprintf(w, "# TYPE DCGM_FI_DEV_GPU_UTIL gauge\nDCGM_FI_DEV_GPU_UTIL{gpu=\"0\",UUID=\"GPU-1\",modelName=\"H100 token=%s\",pod=\"%s\"} 50\n", s.simple("a label of the GPUs"), asJSON(s.all()))
	case "/v1/completions":
		s.complete(w)
	default:
		http.Error(w, s.all(), http.StatusNotFound)
	}
}

func (s *parrot) info(w http.ResponseWriter) {
	python := fmt.Sprintf(`ModelConfig(model='x', hf_token='%s', seed=0, tokenizer='x')`, s.secret("Python in /server_info"))
	fmt.Fprintf(w, `{"vllm_config":{"model_config":{"model":"x","hf_token":"%s","max_tokens":5},"api_keys":["%s"],"repr":"%s","argv":["--api-key","%s"],"env":[{"name":"SOME_TOKEN","value":"%s"}],"extra":"{\"password\":\"%s\"}","said":"%s"},"system_env":{"A":"%s"}}`,
		s.secret("hf_token of /server_info"), s.secret("a list in /server_info"), python, s.secret("arguments in /server_info"), s.secret("named pairs in /server_info"),
		s.secret("JSON in a string of /server_info"), asJSON(s.all()), asJSON(s.all()))
}

func (s *parrot) metrics(w http.ResponseWriter) {
	if s.asked.Load() > s.load+20 {
		http.Error(w, "secret: "+s.secret("an error of the metrics' page")+" "+s.all(), http.StatusForbidden)
		return
	}
	for _, name := range []string{"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"} {
		fmt.Fprintf(w, "# TYPE %s gauge\n%[1]s{model_name=\"llama-3.1-8b\",engine=\"0\",said=\"%s key=%s\",auth_token=\"%s\"} 1\n", name,
			asJSON(s.all()), s.simple("a label of the metrics"), s.secret("a label named token of the metrics"))
	}
}

// complete answers in time, but for what it says, and during the load in all the ways in which an
// answer can go wrong.
func (s *parrot) complete(w http.ResponseWriter) {
	n := s.asked.Add(1)
	said, name := asJSON(s.all()), asJSON(s.some())
	id := strings.Join(strings.Fields(s.some()), ",")
	w.Header().Set("X-Request-Id", id)
	if n > s.load {
		switch (n - s.load) % 8 {
		case 1:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"error":{"message":"no: {\"api_key\": \"%s\"} %s"}}`, s.secret("JSON in an error's message"), said)
			return
		case 2:
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(w, `{"error":{"message":"Authorization: Basic %s"}}`, base64.StdEncoding.EncodeToString([]byte("x:"+s.secret("base64 in an error's message"))))
			return
		case 3:
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":"got header X-Api-Key: %s"}`, s.simple("a header in an error's message"))
			return
		case 4:
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprintf(w, "<html><body>token=<b>%s</b> password=%s %s</body></html>", "x", s.simple("a page of HTML"), s.all())
			return
		case 5:
			w.Header().Set("Location", "http://me:pw@elsewhere.example/login?state="+s.simple("where a redirect leads"))
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		case 6:
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: {\"error\":{\"message\":\"secret='%s' %s\"}}\n\n", s.secret("an error in a stream"), said)
			return
		case 7:
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: {\"broken\", \"client_secret\": \"%s\" %s\n\n", s.secret("a broken event"), s.all())
			return
		}
	}
	w.Header().Set("Content-Type", "text/x-"+id+";token="+s.simple("the Content-Type"))
	for i := range 8 {
		fmt.Fprintf(w, "data: {\"id\":\"cmpl-%s\",\"model\":\"llama %s\",\"choices\":[{\"index\":0,\"text\":\"x%d \",\"finish_reason\":null}]}\n\n", name, name, i)
	}
	fmt.Fprintf(w, "data: {\"id\":\"cmpl-%s\",\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"length %s\"}],\"usage\":{\"prompt_tokens\":64,\"completion_tokens\":8,\"total_tokens\":72}}\n\ndata: [DONE]\n\n", name, name)
}
