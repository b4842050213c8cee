package store

import (
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// schemaVersion is raised when a column is added. None is ever renamed.
const schemaVersion = "8"

// row is one line of requests.parquet. A pointer is null where the instant did
// not come or the count was not reported; it is never 0 instead.
type row struct {
	Run                   string  `parquet:"run,dict"`
	Scenario              string  `parquet:"scenario,dict"`
	Class                 string  `parquet:"class,dict"`
	Seq                   int64   `parquet:"seq,delta"`
	Session               int64   `parquet:"session,delta"`
	Turn                  int64   `parquet:"turn,delta"`
	User                  *int64  `parquet:"user,optional"`
	DueNS                 int64   `parquet:"due_ns,delta"`
	SentNS                *int64  `parquet:"sent_ns,optional"`
	HeadersNS             *int64  `parquet:"headers_ns,optional"`
	FirstTokenNS          *int64  `parquet:"first_token_ns,optional"`
	FirstAnswerNS         *int64  `parquet:"first_answer_ns,optional"`
	DoneNS                *int64  `parquet:"done_ns,optional"`
	TTFTNS                *int64  `parquet:"ttft_ns,optional"`
	TPOTNS                *int64  `parquet:"tpot_ns,optional"`
	E2ENS                 *int64  `parquet:"e2e_ns,optional"`
	LagNS                 *int64  `parquet:"lag_ns,optional"`
	ConnectingNS          *int64  `parquet:"connecting_ns,optional"`
	ResolvingNS           *int64  `parquet:"resolving_ns,optional"`
	SecuringNS            *int64  `parquet:"securing_ns,optional"`
	ReadDelayNS           *int64  `parquet:"read_delay_ns,optional"`
	ServerQueueNS         *int64  `parquet:"server_queue_ns,optional"`
	ServerPrefillNS       *int64  `parquet:"server_prefill_ns,optional"`
	ServerDecodeNS        *int64  `parquet:"server_decode_ns,optional"`
	ChunkNS               []int64 `parquet:"chunk_ns,list" parquet-element:",delta"`
	ChunkTokens           []int64 `parquet:"chunk_tokens,list" parquet-element:",delta"`
	PromptTokens          *int64  `parquet:"prompt_tokens,optional"`
	OutputTokens          *int64  `parquet:"output_tokens,optional"`
	CachedTokens          *int64  `parquet:"cached_tokens,optional"`
	ReasoningTokens       *int64  `parquet:"reasoning_tokens,optional"`
	ShareableTokens       *int64  `parquet:"shareable_tokens,optional"`
	RequestedPromptTokens *int64  `parquet:"requested_prompt_tokens,optional"`
	RequestedOutputTokens *int64  `parquet:"requested_output_tokens,optional"`
	Finish                *string `parquet:"finish,optional,dict"`
	Failure               *string `parquet:"failure,optional,dict"`
	HTTPStatus            *int64  `parquet:"http_status,optional"`
	Error                 *string `parquet:"error,optional,dict"`
	RequestID             *string `parquet:"request_id,optional"`
	Model                 *string `parquet:"model,optional,dict"`
	RequestedModel        *string `parquet:"requested_model,optional,dict"`
	Replica               *string `parquet:"replica,optional,dict"`
	Warmup                bool    `parquet:"warmup"`
	Good                  bool    `parquet:"good"`
	FullLength            bool    `parquet:"full_length"`

	RequestedMinOutputTokens *int64  `parquet:"requested_min_output_tokens,optional"`
	CountFault               *string `parquet:"count_fault,optional,dict"` // why the server's token counts were not kept
	Refused                  bool    `parquet:"refused"`
	ChunksKnown              *string `parquet:"chunks_known,optional,dict"` // where chunk_ns has not each: which it has
	DueUnknown               bool    `parquet:"due_unknown"`                // due_ns is when it was sent
	Inputs                   *int64  `parquet:"inputs,optional"`            // texts that are pooled
	Validity                 *string `parquet:"validity,optional,dict"`     // what checks of the answer found; null where none was made
	ClipNS                   *int64  `parquet:"clip_ns,optional"`           // how long the clip is that is transcribed
}

// reading is one line of samples.parquet.
type reading struct {
	AtNS   int64             `parquet:"at_ns,delta"`
	Source string            `parquet:"source,dict"`
	Series string            `parquet:"series,dict"`
	Labels map[string]string `parquet:"labels"`
	Value  float64           `parquet:"value"`
}

func (r *reading) sample() harness.Sample {
	return harness.Sample{At: time.Duration(r.AtNS), Reading: harness.Reading{Source: r.Source, Series: r.Series, Labels: r.Labels, Value: r.Value}}
}

func toRow(run, scenario string, r *harness.Record) row {
	return row{
		Run: run, Scenario: scenario, Class: r.Class, Seq: int64(r.Seq), Session: int64(r.Session), Turn: int64(r.Turn), User: count(r.User),
		DueNS: int64(r.Due), SentNS: instant(r.Sent), HeadersNS: instant(r.Headers), FirstTokenNS: instant(r.FirstToken()),
		FirstAnswerNS: instant(r.FirstAnswer), DoneNS: instant(r.Done),
		TTFTNS: instant(r.TTFT()), TPOTNS: instant(r.TPOT()), E2ENS: instant(r.E2E()), LagNS: instant(r.Lag()), ConnectingNS: instant(r.Connecting),
		ResolvingNS: instant(r.Resolving), SecuringNS: instant(r.Securing), ReadDelayNS: instant(r.ReadDelay),
		ServerQueueNS: instant(r.ServerQueue), ServerPrefillNS: instant(r.ServerPrefill), ServerDecodeNS: instant(r.ServerDecode),
		ChunkNS: each(r.Chunks), ChunkTokens: each(r.ChunkTokens),
		PromptTokens: count(r.PromptTokens), OutputTokens: count(r.OutputTokens), CachedTokens: count(r.CachedTokens), ReasoningTokens: count(r.ReasoningTokens), ShareableTokens: count(r.ShareableTokens),
		RequestedPromptTokens: count(r.RequestedPromptTokens), RequestedOutputTokens: count(r.RequestedOutputTokens),
		Finish: text(r.Finish), Failure: text(string(r.Failure)), HTTPStatus: count(r.HTTPStatus), Error: text(r.Error),
		RequestID: text(r.RequestID), Model: text(r.Model), RequestedModel: text(r.RequestedModel), Replica: text(r.Replica), Warmup: r.Warmup, Good: r.Good, FullLength: r.Full,
		RequestedMinOutputTokens: count(r.RequestedMinOutputTokens), CountFault: text(string(r.CountFault)), Refused: r.Refused,
		ChunksKnown: text(string(r.Seen)), DueUnknown: r.DueUnknown, Inputs: count(r.Inputs), ClipNS: instant(r.Clip), Validity: text(string(r.Validity)),
	}
}

func (r *row) record() harness.Record {
	out := harness.NewRecord(int(r.Seq), time.Duration(r.DueNS))
	out.Class, out.Session, out.Turn, out.User = r.Class, int(r.Session), int(r.Turn), uncount(r.User)
	out.Sent, out.Headers, out.Done, out.FirstAnswer = uninstant(r.SentNS), uninstant(r.HeadersNS), uninstant(r.DoneNS), uninstant(r.FirstAnswerNS)
	out.Connecting, out.ReadDelay = uninstant(r.ConnectingNS), uninstant(r.ReadDelayNS)
	out.Resolving, out.Securing = uninstant(r.ResolvingNS), uninstant(r.SecuringNS)
	out.ServerQueue, out.ServerPrefill, out.ServerDecode = uninstant(r.ServerQueueNS), uninstant(r.ServerPrefillNS), uninstant(r.ServerDecodeNS)
	for _, at := range r.ChunkNS {
		out.Chunks = append(out.Chunks, time.Duration(at))
	}
	for _, n := range r.ChunkTokens {
		out.ChunkTokens = append(out.ChunkTokens, int(n))
	}
	out.PromptTokens, out.OutputTokens, out.CachedTokens, out.ReasoningTokens = uncount(r.PromptTokens), uncount(r.OutputTokens), uncount(r.CachedTokens), uncount(r.ReasoningTokens)
	out.ShareableTokens = uncount(r.ShareableTokens)
	out.RequestedPromptTokens, out.RequestedOutputTokens = uncount(r.RequestedPromptTokens), uncount(r.RequestedOutputTokens)
	out.Finish, out.Failure, out.HTTPStatus, out.Error = untext(r.Finish), harness.Failure(untext(r.Failure)), uncount(r.HTTPStatus), untext(r.Error)
	out.RequestID, out.Model, out.RequestedModel, out.Replica = untext(r.RequestID), untext(r.Model), untext(r.RequestedModel), untext(r.Replica)
	out.Warmup, out.Good, out.Full = r.Warmup, r.Good, r.FullLength
	out.RequestedMinOutputTokens, out.CountFault, out.Refused = uncount(r.RequestedMinOutputTokens), harness.CountFault(untext(r.CountFault)), r.Refused
	out.Inputs, out.Clip = uncount(r.Inputs), uninstant(r.ClipNS)
	out.Seen, out.DueUnknown, out.Validity = harness.Seen(untext(r.ChunksKnown)), r.DueUnknown, harness.Validity(untext(r.Validity))
	out.DropImpossible()
	return out
}

func instant(d time.Duration) *int64 {
	if d < 0 { // NoTime, and so is what would be before the run began
		return nil
	}
	ns := int64(d)
	return &ns
}

func uninstant(ns *int64) time.Duration {
	if ns == nil || *ns < 0 {
		return harness.NoTime
	}
	return time.Duration(*ns)
}

func count(n int) *int64 {
	if n == harness.Unreported {
		return nil
	}
	v := int64(n)
	return &v
}

func uncount(n *int64) int {
	if n == nil {
		return harness.Unreported
	}
	return int(*n)
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func untext(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func each[T ~int | ~int64](values []T) []int64 {
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = int64(v)
	}
	return out
}
