package mockvllm_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// sdk is OpenAI's own client, as it comes.
func sdk(t *testing.T) openai.Client {
	t.Helper()
	server := httptest.NewServer(start(t, mockvllm.Config{Profile: zero(), APIKeys: []string{"key"}}))
	t.Cleanup(server.Close)
	return openai.NewClient(option.WithBaseURL(server.URL+"/v1"), option.WithAPIKey("key"), option.WithMaxRetries(0))
}

func hello() openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: "zero", MaxCompletionTokens: openai.Int(20),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello there")}}
}

func TestSDK_chats(t *testing.T) {
	c := sdk(t)
	whole, err := c.Chat.Completions.New(t.Context(), hello())
	require.NoError(t, err)
	assert.NotEmpty(t, whole.Choices[0].Message.Content)
	assert.Positive(t, whole.Usage.CompletionTokens)

	params := hello()
	params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	stream := c.Chat.Completions.NewStreaming(t.Context(), params)
	var all openai.ChatCompletionAccumulator
	for stream.Next() {
		require.True(t, all.AddChunk(stream.Current()))
	}
	require.NoError(t, stream.Err())
	assert.NotEmpty(t, all.Choices[0].Message.Content)
	assert.Positive(t, all.Usage.CompletionTokens)
	assert.NotEmpty(t, all.Choices[0].FinishReason)
}

func TestSDK_callsTools(t *testing.T) {
	c := sdk(t)
	params := hello()
	params.MaxCompletionTokens = openai.Int(100)
	params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
		Name: "weather", Parameters: openai.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]string{"type": "string"}}},
	})}
	whole, err := c.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	assert.Equal(t, "tool_calls", whole.Choices[0].FinishReason)
	called := whole.Choices[0].Message.ToolCalls[0]
	assert.Equal(t, "weather", called.Function.Name)
	assert.JSONEq(t, `{"city":"mock"}`, called.Function.Arguments)

	stream := c.Chat.Completions.NewStreaming(t.Context(), params)
	var all openai.ChatCompletionAccumulator
	for stream.Next() {
		require.True(t, all.AddChunk(stream.Current()))
	}
	require.NoError(t, stream.Err())
	assert.Equal(t, "weather", all.Choices[0].Message.ToolCalls[0].Function.Name)
	assert.JSONEq(t, `{"city":"mock"}`, all.Choices[0].Message.ToolCalls[0].Function.Arguments)

	params.Messages = append(params.Messages, whole.Choices[0].Message.ToParam(), openai.ToolMessage("sunny", called.ID))
	after, err := c.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	assert.NotEmpty(t, after.Choices[0].Message.Content, "once the result is there it answers in words")
}

func TestSDK_embeds(t *testing.T) {
	c := sdk(t)
	embed := func(texts ...string) *openai.CreateEmbeddingResponse {
		out, err := c.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: "zero", Dimensions: openai.Int(64),
			Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: texts}})
		require.NoError(t, err)
		return out
	}
	two := embed("one text", "another")
	require.Len(t, two.Data, 2)
	assert.Len(t, two.Data[0].Embedding, 64)
	assert.NotEqual(t, two.Data[0].Embedding, two.Data[1].Embedding)
	assert.Equal(t, two.Data[1].Embedding, embed("another").Data[0].Embedding, "a text has one embedding")
	assert.Positive(t, two.Usage.PromptTokens)
}

func TestSDK_usesResponses(t *testing.T) {
	c := sdk(t)
	params := responses.ResponseNewParams{Model: "zero", MaxOutputTokens: openai.Int(2000), Instructions: openai.String("Be brief."),
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("Hello there")}}
	whole, err := c.Responses.New(t.Context(), params)
	require.NoError(t, err)
	assert.Equal(t, responses.ResponseStatusCompleted, whole.Status)
	assert.NotEmpty(t, whole.OutputText())

	stream := c.Responses.NewStreaming(t.Context(), params)
	var text strings.Builder
	var last responses.ResponseStreamEventUnion
	for stream.Next() {
		last = stream.Current()
		if last.Type == "response.output_text.delta" {
			text.WriteString(last.Delta)
		}
	}
	require.NoError(t, stream.Err())
	assert.Equal(t, "response.completed", last.Type)
	assert.Equal(t, last.Response.OutputText(), text.String())
	assert.Positive(t, last.Response.Usage.OutputTokens)
}

func TestScores_rankTexts(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: zero()})
	scored := ask(s, "/v1/score", `{"text_1":"a query","text_2":["one","two","three"]}`)
	assert.Equal(t, 3, strings.Count(scored.Body.String(), `"object":"score"`))
	ranked := ask(s, "/v1/rerank", `{"query":"a query","documents":["one","two","three"],"top_n":2}`)
	assert.Equal(t, 2, strings.Count(ranked.Body.String(), `"relevance_score"`))
	assert.Equal(t, 400, ask(s, "/v1/rerank", `{"query":"a query"}`).Code)
}
