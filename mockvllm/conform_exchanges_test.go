package mockvllm_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// An exchange is one request that both are asked: a real vLLM when its answers
// are recorded, and the mock whenever the tests run.
type exchange struct {
	name         string // of its recording
	method, path string
	header       http.Header
	body         string
	exact        bool   // its numbers of tokens are the same whatever the tokenizer
	serves       string // the model that is asked, as fixtures/vllm/serve calls it; "": the one that generates
}

// exchanges are all that is compared, in the order in which it is asked: first
// what counts the same everywhere, with the metrics before and after it.
func exchanges() []exchange {
	return slices.Concat([]exchange{metricsPage("metrics-before")}, countedExchanges(),
		[]exchange{metricsPage("metrics-after")}, answers(), mistakes(), []exchange{metricsPage("metrics-end")}, furtherExchanges())
}

func metricsPage(name string) exchange { return exchange{name: name, method: "GET", path: "/metrics"} }

// from is a prompt of n token ids, of which the model's vocabulary has all.
func from(first, n int) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint(first + i)
	}
	return "[" + strings.Join(ids, ",") + "]"
}

func post(name, path, body string) exchange {
	return exchange{name: name, method: "POST", path: path, body: strings.ReplaceAll(body, "\n", " "), header: http.Header{"Content-Type": {"application/json"}}}
}

func asked(name, body string) exchange {
	return post(name, "/v1/completions", `{"model":"tiny",`+body+`}`)
}

func said(name, body string) exchange {
	return post(name, "/v1/chat/completions", `{"model":"tiny","messages":[{"role":"user","content":"Hello there"}],`+body+`}`)
}

func setting(e exchange, header, value string) exchange {
	e.header = e.header.Clone()
	e.header.Set(header, value)
	return e
}

func leaving(e exchange, header string) exchange {
	e.header = e.header.Clone()
	e.header.Del(header)
	return e
}

// countedExchanges have prompts of token ids, and answers of a length.
func countedExchanges() []exchange {
	const usage = `"stream":true,"stream_options":{"include_usage":true}`
	all := []exchange{
		asked("ids", `"prompt":`+from(2000, 100)+`,"max_tokens":8,"ignore_eos":true,`+usage),
		asked("ids-cached", `"prompt":`+from(2000, 100)+`,"max_tokens":8,"ignore_eos":true,`+usage),
		asked("ids-cached-whole", `"prompt":`+from(2000, 100)+`,"max_tokens":8,"ignore_eos":true`),
		asked("ids-cold", `"prompt":`+from(2000, 100)+`,"max_tokens":3,"ignore_eos":true,"cache_salt":"pepper",`+usage),
		asked("ids-block", `"prompt":`+from(2000, 64)+`,"max_tokens":3,"ignore_eos":true,`+usage),
		asked("ids-two", `"prompt":`+from(3000, 50)+`,"max_tokens":4,"ignore_eos":true,"n":2,`+usage),
		asked("ids-two-prompts", `"prompt":[`+from(4000, 40)+`,`+from(5000, 60)+`],"max_tokens":3,"ignore_eos":true`),
		asked("ids-chunked", `"prompt":`+from(6000, 3000)+`,"max_tokens":2,"ignore_eos":true,`+usage),
		asked("ids-one-token", `"prompt":`+from(7000, 10)+`,"max_tokens":1,"ignore_eos":true,`+usage),
		asked("ids-continuous", `"prompt":`+from(7100, 10)+`,"max_tokens":3,"ignore_eos":true,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}`),
		asked("ids-told", `"prompt":`+from(7200, 5)+`,"max_tokens":3,"ignore_eos":true,"return_token_ids":true,`+usage),
		asked("ids-told-whole", `"prompt":`+from(7300, 5)+`,"max_tokens":3,"ignore_eos":true,"return_token_ids":true`),
		asked("ids-default-length", `"prompt":`+from(7400, 5)+`,"ignore_eos":true`),
		asked("ids-prompt-logprobs", `"prompt":`+from(2000, 100)+`,"max_tokens":2,"ignore_eos":true,"prompt_logprobs":0`),
		asked("ids-too-long", `"prompt":`+from(8000, 5000)+`,"max_tokens":2`),
	}
	for i := range all {
		all[i].exact = true
	}
	return all
}

// answers are of every kind, to prompts that are text.
func answers() []exchange {
	const usage = `"stream":true,"stream_options":{"include_usage":true}`
	const running = `"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}`
	const four = `"max_tokens":4,"ignore_eos":true,`
	get := func(name, path string) exchange { return exchange{name: name, method: "GET", path: path} }
	hello := `"messages":[{"role":"user","content":"Hello there"}]`
	return []exchange{
		get("models", "/v1/models"), get("version", "/version"), get("health", "/health"), get("ping", "/ping"), get("load", "/load"),
		get("is-sleeping", "/is_sleeping"), {name: "reset-prefix-cache", method: "POST", path: "/reset_prefix_cache"},
		post("tokenize", "/tokenize", `{"model":"tiny","prompt":"Hello there"}`),
		post("tokenize-strings", "/tokenize", `{"prompt":"Hello there","return_token_strs":true}`),
		post("tokenize-chat", "/tokenize", `{"model":"tiny",`+hello+`}`),
		post("detokenize", "/detokenize", `{"model":"tiny","tokens":[1000,2000]}`),

		asked("text", `"prompt":"Hello there",`+four+usage),
		asked("text-no-usage", `"prompt":"Hello there",`+four+`"stream":true`),
		asked("text-whole", `"prompt":"Hello there",`+four+`"seed":1`),
		asked("text-two", `"prompt":"Hello there","n":2,`+four+usage),
		asked("text-two-whole", `"prompt":["Hello there","And you"],"n":2,`+four+`"seed":1`),
		asked("text-stop", `"prompt":"Hello there","max_tokens":64,"min_tokens":3,"stop":" ",`+usage),
		asked("text-stop-whole", `"prompt":"Hello there","max_tokens":64,"min_tokens":3,"stop":[" "]`),
		asked("text-beyond-context", `"prompt":"Hello there","max_tokens":4096,"min_tokens":3,"stop":" "`),
		asked("text-logprobs", `"prompt":"Hello there","logprobs":2,`+four+usage),
		asked("text-logprobs-whole", `"prompt":"Hello there","logprobs":2,`+four+`"seed":1`),
		asked("text-echo", `"prompt":"Hello there","echo":true,`+four+`"seed":1`),
		asked("text-running", `"prompt":"Hello there",`+four+running),
		setting(asked("text-named", `"prompt":"Hello there",`+four+`"seed":1`), "X-Request-Id", "my-own-id"),
		asked("text-named-in-body", `"prompt":"Hello there","request_id":"my-own-id",`+four+`"seed":1`),
		post("text-no-model", "/v1/completions", `{"prompt":"Hello there",`+four+`"seed":1}`),

		said("chat", four+usage),
		said("chat-no-usage", four+`"stream":true`),
		said("chat-running", four+running),
		said("chat-told", four+`"return_token_ids":true,`+usage),
		said("chat-two", four+`"n":2,`+usage),
		said("chat-logprobs", four+`"logprobs":true,"top_logprobs":2,`+usage),
		said("chat-stop", `"max_tokens":64,"min_tokens":3,"stop":" ",`+usage),
		said("chat-whole", four+`"seed":1`),
		said("chat-told-whole", four+`"return_token_ids":true`),
		said("chat-two-whole", four+`"n":2`),
		said("chat-logprobs-whole", four+`"logprobs":true,"top_logprobs":2`),
		said("chat-stop-whole", `"max_completion_tokens":64,"min_tokens":3,"stop":" "`),
		said("chat-beyond-context", `"max_completion_tokens":4096,"min_tokens":3,"stop":" "`),
		said("chat-prompt-logprobs", four+`"prompt_logprobs":1`),
		post("chat-turns", "/v1/chat/completions", `{"model":"tiny","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"},
			{"role":"assistant","content":"Yes?"},{"role":"user","content":[{"type":"text","text":"And you?"}]}],`+four+usage+`}`),

		post("responses", "/v1/responses", `{"model":"tiny","input":"Hello there","max_output_tokens":4,"ignore_eos":true,"stream":true}`),
		post("responses-whole", "/v1/responses", `{"model":"tiny","input":"Hello there","max_output_tokens":4,"ignore_eos":true}`),
		post("messages", "/v1/messages", `{"model":"tiny",`+hello+`,"max_tokens":4,"ignore_eos":true,"stream":true}`),
		post("messages-whole", "/v1/messages", `{"model":"tiny",`+hello+`,"max_tokens":4,"ignore_eos":true}`),
		post("count-tokens", "/v1/messages/count_tokens", `{"model":"tiny",`+hello+`}`),
	}
}

// mistakes are what a client can do wrong.
func mistakes() []exchange {
	all := slices.Concat(wrongRequests(), wrongValues(), []exchange{
		{name: "unknown-route", method: "GET", path: "/nothing"},
		{name: "unknown-route-with-key", method: "GET", path: "/v1/nothing"},
		{name: "wrong-method", method: "GET", path: "/v1/completions"},
		{name: "wrong-method-models", method: "DELETE", path: "/v1/models"},
		{name: "wrong-method-health", method: "DELETE", path: "/health"},
	})
	for i := range all {
		all[i].name = "error-" + all[i].name
	}
	return append(all, exchange{name: "metrics-posted", method: "POST", path: "/metrics"})
}

// wrongRequests are not understood, not allowed, or for somebody else.
func wrongRequests() []exchange {
	good := asked("", `"prompt":"Hello there","max_tokens":2`)
	named := func(name string, e exchange) exchange {
		e.name = name
		return e
	}
	return []exchange{
		post("not-json", "/v1/completions", `{"model":`),
		post("chat-not-json", "/v1/chat/completions", `{"model":`),
		post("empty-body", "/v1/completions", ``),
		post("no-object", "/v1/completions", `[]`),
		named("wrong-content-type", setting(good, "Content-Type", "text/plain")),
		named("no-content-type", leaving(good, "Content-Type")),
		named("no-key", setting(good, "Authorization", "")),
		named("bad-key", setting(good, "Authorization", "Bearer wrong")),
		named("bad-scheme", setting(good, "Authorization", "Basic wrong")),
		post("unknown-model", "/v1/completions", `{"model":"gpt","prompt":"Hello there"}`),
		post("chat-unknown-model", "/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"Hello"}]}`),
		post("responses-unknown-model", "/v1/responses", `{"model":"gpt","input":"Hello"}`),
		post("messages-unknown-model", "/v1/messages", `{"model":"gpt","max_tokens":2,"messages":[{"role":"user","content":"Hello"}]}`),
		post("tokenize-unknown-model", "/tokenize", `{"model":"gpt","prompt":"Hello"}`),
		post("unknown-post", "/v1/nothing", `{}`),
	}
}

// wrongValues are those that a field cannot have.
func wrongValues() []exchange {
	return []exchange{
		asked("prompt-too-long", `"prompt":`+from(1000, 4200)+`,"max_tokens":2`),
		asked("answer-beyond-context", `"prompt":`+from(1000, 100)+`,"max_tokens":5000,"stream":true`),
		asked("no-tokens", `"prompt":"Hello there","max_tokens":0`),
		asked("negative-tokens", `"prompt":"Hello there","max_tokens":-1`),
		said("chat-no-tokens", `"max_tokens":0`),
		asked("tokens-of-wrong-type", `"prompt":"Hello there","max_tokens":"many"`),
		asked("stream-of-wrong-type", `"prompt":"Hello there","stream":[]`),
		asked("no-prompt", `"max_tokens":2`),
		asked("empty-prompt", `"prompt":"","max_tokens":2`),
		asked("empty-prompts", `"prompt":[],"max_tokens":2`),
		asked("prompt-of-wrong-type", `"prompt":7,"max_tokens":2`),
		asked("strange-token", `"prompt":[1000,99999999],"max_tokens":2`),
		asked("negative-token", `"prompt":[-1],"max_tokens":2`),
		post("no-messages", "/v1/chat/completions", `{"model":"tiny","max_tokens":2}`),
		post("empty-messages", "/v1/chat/completions", `{"model":"tiny","messages":[],"max_tokens":2}`),
		post("no-role", "/v1/chat/completions", `{"model":"tiny","messages":[{"content":"Hello"}],"max_tokens":2}`),
		asked("no-answers", `"prompt":"Hello there","n":0`),
		asked("greedy-twice", `"prompt":"Hello there","n":2,"temperature":0`),
		asked("negative-temperature", `"prompt":"Hello there","temperature":-1`),
		asked("impossible-top-p", `"prompt":"Hello there","top_p":2`),
		asked("impossible-top-k", `"prompt":"Hello there","top_k":-5`),
		asked("impossible-penalty", `"prompt":"Hello there","presence_penalty":3`),
		asked("least-above-most", `"prompt":"Hello there","max_tokens":2,"min_tokens":3`),
		asked("stop-of-wrong-type", `"prompt":"Hello there","stop":7`),
		asked("too-many-logprobs", `"prompt":"Hello there","logprobs":50`),
		asked("options-without-stream", `"prompt":"Hello there","stream_options":{"include_usage":true}`),
		said("chat-options-without-stream", `"stream_options":{"include_usage":true}`),
		said("chat-too-many-logprobs", `"logprobs":true,"top_logprobs":50`),
		said("chat-logprobs-not-asked-for", `"top_logprobs":2`),
		said("chat-no-tools", `"tools":[]`),
		post("messages-no-limit", "/v1/messages", `{"model":"tiny","messages":[{"role":"user","content":"Hello"}]}`),
		post("responses-no-input", "/v1/responses", `{"model":"tiny"}`),
		post("tokenize-nothing", "/tokenize", `{"model":"tiny"}`),
		post("detokenize-strange-token", "/detokenize", `{"model":"tiny","tokens":[99999999]}`),
		post("detokenize-negative-token", "/detokenize", `{"model":"tiny","tokens":[-1]}`),
		post("detokenize-nothing", "/detokenize", `{"model":"tiny"}`),
	}
}
