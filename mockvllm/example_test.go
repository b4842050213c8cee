package mockvllm_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// A mock is started, and asked one completion as a vLLM server would be.
func Example() {
	profile, err := mockvllm.ProfileFor("llama-3.1-8b", "one H100")
	if err != nil {
		fmt.Println(err)
		return
	}
	mock, err := mockvllm.New(mockvllm.Config{Profile: profile, Seed: 1, Scale: 100}) // a hundred times as fast
	if err != nil {
		fmt.Println(err)
		return
	}
	mock.Start()
	defer mock.Close()

	server := httptest.NewServer(mock)
	defer server.Close()
	response, err := http.Post(server.URL+"/v1/completions", "application/json", strings.NewReader(`{"prompt": "Once upon a time", "max_tokens": 8}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	var body struct {
		Choices []struct {
			Text   string `json:"text"`
			Finish string `json:"finish_reason"`
		} `json:"choices"`
		Usage struct {
			Prompt int `json:"prompt_tokens"`
			Output int `json:"completion_tokens"`
		} `json:"usage"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.Status)
	fmt.Printf("%q, ended by %s\n", body.Choices[0].Text, body.Choices[0].Finish)
	fmt.Println(body.Usage.Prompt, "tokens in,", body.Usage.Output, "out")
	// Output:
	// 200 OK
	// " now look now an find one now like", ended by length
	// 5 tokens in, 8 out
}
