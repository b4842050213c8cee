package mockvllm_test

// furtherExchanges are asked when all counters have been read: of vLLM's interface of tokens, and of models that pool.
func furtherExchanges() (all []exchange) {
	const sampling = `"sampling_params":{"max_tokens":4,"ignore_eos":true}`
	ids := `{"model":"tiny","token_ids":` + from(2000, 100) + `,`
	all = append(all,
		post("generate", generatePath, ids+sampling+`,"stream":true,"stream_options":{"include_usage":true}}`),
		post("generate-no-usage", generatePath, ids+sampling+`,"stream":true}`),
		post("generate-running", generatePath, ids+sampling+`,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}}`),
		post("generate-whole", generatePath, ids+sampling+`}`),
		post("generate-logprobs", generatePath, ids+`"sampling_params":{"max_tokens":4,"ignore_eos":true,"logprobs":2},"stream":true,"stream_options":{"include_usage":true}}`),
		post("generate-logprobs-whole", generatePath, ids+`"sampling_params":{"max_tokens":4,"ignore_eos":true,"logprobs":2}}`),
		post("generate-beyond-context", generatePath, `{"model":"tiny","token_ids":`+from(2000, 4090)+`,"sampling_params":{"max_tokens":5000,"ignore_eos":true}}`),
		post("error-generate-no-tokens", generatePath, `{"model":"tiny",`+sampling+`}`),
		post("error-generate-no-sampling", generatePath, `{"model":"tiny","token_ids":[2000]}`),
		post("error-generate-unknown-model", generatePath, `{"model":"gpt","token_ids":[2000],`+sampling+`}`),
		post("error-generate-empty", generatePath, `{"model":"tiny","token_ids":[],`+sampling+`}`),
		post("error-generate-strange-token", generatePath, `{"model":"tiny","token_ids":[1000,99999999],`+sampling+`}`),
		setting(post("error-generate-no-key", generatePath, ids+sampling+`}`), "Authorization", ""),
		post("error-generate-negative-token", generatePath, `{"model":"tiny","token_ids":[-1],`+sampling+`}`),
		post("error-generate-no-length", generatePath, `{"model":"tiny","token_ids":[2000],"sampling_params":{"max_tokens":0}}`),
		post("error-generate-full", generatePath, `{"model":"tiny","token_ids":`+from(2000, 4096)+`,`+sampling+`}`),
		post("error-generate-too-long", generatePath, `{"model":"tiny","token_ids":`+from(2000, 4200)+`,`+sampling+`}`),
	)
	of := func(serves string, more ...exchange) {
		for _, e := range more {
			e.serves = serves
			all = append(all, e)
		}
	}
	input := func(name, path, input string) exchange { return post(name, path, `{"model":"tiny","input":`+input+`}`) }
	of("embed",
		input("embeddings", embeddingsPath, `"Hello there"`),
		input("embeddings-two", embeddingsPath, `["Hello there","And you"]`),
		input("embeddings-ids", embeddingsPath, from(2000, 40)),
		input("embeddings-ids-two", embeddingsPath, `[`+from(2000, 40)+`,`+from(3000, 30)+`]`),
		post("embeddings-base64", embeddingsPath, `{"model":"tiny","input":"Hello there","encoding_format":"base64"}`),
		input("pooling", "/pooling", `["Hello there","And you"]`),
		post("error-embeddings-unknown-model", embeddingsPath, `{"model":"gpt","input":"Hello there"}`),
		input("error-embeddings-too-long", embeddingsPath, from(2000, 4200)),
		input("error-embeddings-empty", embeddingsPath, `[]`),
		post("error-embeddings-no-input", embeddingsPath, `{"model":"tiny"}`),
		post("error-pooling-no-input", "/pooling", `{"model":"tiny"}`),
	)
	of("classify",
		input("classify", "/classify", `"Hello there"`),
		input("classify-ids-two", "/classify", `[`+from(2000, 40)+`,`+from(3000, 30)+`]`),
		post("error-classify-no-input", "/classify", `{"model":"tiny"}`),
		input("error-classify-empty", "/classify", `[]`),
		post("error-classify-unknown-model", "/classify", `{"model":"gpt","input":"Hello there"}`),
	)
	of("rank",
		post("score", "/v1/score", `{"model":"tiny","text_1":"Hello there","text_2":"And you"}`),
		post("score-two", "/v1/score", `{"model":"tiny","text_1":"Hello there","text_2":["And you","Good day"]}`),
		post("rerank", "/v1/rerank", `{"model":"tiny","query":"Hello there","documents":["And you","Good day","So long"]}`),
		post("rerank-top", "/rerank", `{"model":"tiny","query":"Hello there","documents":["And you","Good day","So long"],"top_n":1}`),
		post("error-score-no-texts", "/v1/score", `{"model":"tiny"}`),
		post("error-score-no-other", "/v1/score", `{"model":"tiny","text_1":"Hello there"}`),
		post("error-score-empty", "/v1/score", `{"model":"tiny","text_1":"Hello there","text_2":[]}`),
		post("error-rerank-no-query", "/v1/rerank", `{"model":"tiny"}`),
		post("error-rerank-no-documents", "/v1/rerank", `{"model":"tiny","query":"Hello there"}`),
		post("error-rerank-empty", "/v1/rerank", `{"model":"tiny","query":"Hello there","documents":[]}`),
		post("error-score-unknown-model", "/v1/score", `{"model":"gpt","text_1":"Hello there","text_2":"And you"}`),
		post("error-rerank-unknown-model", "/v1/rerank", `{"model":"gpt","query":"Hello there","documents":["And you"]}`),
	)
	return all
}

const generatePath, embeddingsPath = "/inference/v1/generate", "/v1/embeddings"
