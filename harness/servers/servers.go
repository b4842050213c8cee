// Package servers is the table of the software that serves models over an interface like OpenAI's: by what
// each is recognised, where its metrics are and what vLLM calls the same, and how its cache is emptied. What
// asks a server, and what reads its metrics, takes these facts from here, so that an objective such as
// "max KV cache usage" holds for any of them. A server that is not in the table is asked plainly, and what
// a server does not report is unknown.
//
// Beside each fact stands where it is from. None was copied but the names.
package servers

import "slices"

// A Kind is one software, as a manifest names it.
type Kind string

// The kinds. Runs of a mock, and those that were stored before there were any, have none.
const (
	Unknown     Kind = "unknown" // a server that says of itself nothing that is known here
	VLLM        Kind = "vllm"
	SGLang      Kind = "sglang"
	TGI         Kind = "tgi"
	TensorRT    Kind = "tensorrt-llm" // trtllm-serve
	Triton      Kind = "triton"       // with its backend for TensorRT-LLM
	NIM         Kind = "nim"
	Dynamo      Kind = "dynamo"
	LlamaCPP    Kind = "llama.cpp"
	Ollama      Kind = "ollama"
	LiteLLM     Kind = "litellm"
	OpenAI      Kind = "openai"
	AzureOpenAI Kind = "azure-openai"
	Bedrock     Kind = "bedrock"
)

// Software is one row of the table.
type Software struct {
	Kind    Kind
	Name    string // as people write it; "" for [Unknown]
	Marks   Marks
	Release Release
	Metrics Metrics

	// EmptyCache is the path that a POST empties the prefix cache at; "" where there is none.
	EmptyCache string
	// RefusesCompletions says that it may answer a completion with 400 where the model only chats. Others say that there
	// is no such path.
	RefusesCompletions bool
}

// Marks are by what a software is recognised: by values of fields, never by a sentence. One is enough.
type Marks struct {
	Hosts   []string // patterns of the names of its hosts
	Headers []Mark   // of its answers
	Owners  []string // owned_by of the models that it lists
	Probe   Probe    // for one that has no other mark
}

// A Mark is a header, and how its value begins.
type Mark struct{ Name, Begins string }

// A Probe is a path at which only one software answers with an object that has all of these fields.
type Probe struct {
	Path   string
	Fields []string
}

// A Release is where a software reports its version; the zero Release is nowhere.
type Release struct {
	Paths  []string // the first that answers counts
	Field  string   // of the object there
	Header string   // of any answer
}

// Metrics are a software's own, on a page for Prometheus.
type Metrics struct {
	None      bool     // it has no page
	Path      string   // below the base address
	Elsewhere string   // what to do where there is no such page
	Prefixes  []string // one of them begins the name of each series; "" is no prefix
	Model     string   // the label that names the model; "" for none
	Parts     string   // the label of samples that are parts of another one, which has it not; "" for none
	Series    []Series
}

// A Series is one that stands for a series of vLLM's.
type Series struct {
	Name string   // without the prefix; of a histogram without _bucket, _sum and _count
	As   []string // what vLLM calls the same

	Label, Value string // only samples with this value of this label
	Per          string // divided by the sample that has this value instead
	Finished     bool   // counts requests that ended well, and does not tell for what reason
	Reason       string // counts requests that ended for this reason
	Buckets      bool   // a histogram
}

// All is the table.
func All() []Software {
	return slices.Concat([]Software{vLLM(), sglang(), tgi(), tensorRT(), triton(), nim(), dynamo(), llamaCPP(), ollama()}, gateways())
}

// Of is the row of a kind; that of [Unknown] where there is none.
func Of(kind Kind) Software {
	if kind == VLLM { // most are, and lists name hundreds
		return vLLM()
	}
	for _, s := range All() {
		if s.Kind == kind {
			return s
		}
	}
	return unknown()
}

// unknown is what is asked as vLLM is, and not relied on to be it.
func unknown() Software {
	return Software{Kind: Unknown, Release: Release{Paths: []string{"/version"}, Field: "version"}, Metrics: Metrics{Path: "/metrics"}, EmptyCache: "/reset_prefix_cache"}
}

// vLLM is read as it is: the harness has its names for its own, today's and former ones alike
// ([github.com/vllmspec/vllmspec/harness/vllm]). Source: vllm/entrypoints/openai/models/serving.py (owned_by),
// entrypoints/serve/instrumentator/basic.py (/version), entrypoints/serve/dev (/reset_prefix_cache, with
// VLLM_SERVER_DEV_MODE=1), of 0.28.
func vLLM() Software {
	return Software{Kind: VLLM, Name: "vLLM", Marks: Marks{Owners: []string{"vllm"}},
		Release: Release{Paths: []string{"/version"}, Field: "version"}, Metrics: Metrics{Path: "/metrics"}, EmptyCache: "/reset_prefix_cache"}
}
