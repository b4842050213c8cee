package dataset

import (
	"encoding/json"
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
)

// A Kind names a dataset in data.
type Kind string

// The kinds. Other is a dataset that this package does not know; one of another package may
// describe itself, as a trace does.
const (
	KindSynthetic Kind = "synthetic"
	KindPrompts   Kind = "prompts"
	KindTexts     Kind = "texts"
	KindShareGPT  Kind = "sharegpt"
	KindMTBench   Kind = "mt-bench"
	KindMix       Kind = "mix"
	KindAdapters  Kind = "adapters"
	KindCached    Kind = "cached"
	KindChecked   Kind = "checked"
	KindOther     Kind = "other"
)

// A form is a dataset as data: its kind, and the fields that the kind has. It says what
// a run was asked; no prompt is in it.
type form struct {
	Kind Kind   `json:"kind"`
	Says string `json:"says,omitempty"` // of another kind: as it describes itself; of a checked one: what an answer does

	Prompt *lengthForm `json:"prompt_tokens,omitempty"`
	Answer *lengthForm `json:"answer_tokens,omitempty"`
	Text   *lengthForm `json:"text_tokens,omitempty"`
	Query  *lengthForm `json:"query_tokens,omitempty"`
	Each   int         `json:"texts_per_request,omitempty"`
	Groups int         `json:"groups,omitempty"`
	Prefix int         `json:"prefix_tokens,omitempty"`

	Path      string `json:"path,omitempty"`
	MaxTokens int    `json:"max_tokens,omitempty"`
	IgnoreEOS bool   `json:"full_length,omitempty"`
	Turns     int    `json:"turns,omitempty"`
	Recorded  bool   `json:"recorded,omitempty"`

	Classes []classForm     `json:"classes,omitempty"`
	Shares  []shareForm     `json:"adapters,omitempty"`
	Of      json.RawMessage `json:"of,omitempty"`          // the dataset under adapters, checks or a cache
	Found   *float64        `json:"found_share,omitempty"` // of prompt tokens, in the prefix cache
}

type lengthForm struct {
	Mean      int        `json:"mean"`
	Deviation int        `json:"deviation,omitempty"`
	LogNormal bool       `json:"log_normal,omitempty"`
	From      int        `json:"from,omitempty"`
	To        int        `json:"to,omitempty"`
	Histogram *histogram `json:"histogram,omitempty"`
}

type histogram struct {
	Name string `json:"name"`
	Bins int    `json:"bins"`
}

type classForm struct {
	Name     string          `json:"name"`
	Share    float64         `json:"share"`
	Of       json.RawMessage `json:"of"`
	Model    string          `json:"model,omitempty"`
	Priority int             `json:"priority,omitempty"`
	Think    *harness.Think  `json:"think,omitempty"`
}

type shareForm struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"`
}

// Describe is a dataset as data, without a prompt of it. A dataset of another package
// is described as it marshals itself, or else as it prints itself.
func Describe(d harness.Dataset) (json.RawMessage, error) {
	if _, ok := d.(json.Marshaler); ok {
		return json.Marshal(d)
	}
	return json.Marshal(form{Kind: KindOther, Says: fmt.Sprint(d)})
}

func (l Length) form() *lengthForm {
	f := &lengthForm{Mean: l.Mean, Deviation: l.Deviation, LogNormal: l.LogNormal, From: l.From, To: l.To}
	if l.Histogram != nil {
		f.Histogram = &histogram{l.Histogram.Name, len(l.Histogram.Bins)}
	}
	return f
}

// MarshalJSON describes the dataset: see [Describe].
func (d Synthetic) MarshalJSON() ([]byte, error) {
	return json.Marshal(form{Kind: KindSynthetic, Prompt: d.Prompt.form(), Answer: d.Answer.form(), Groups: d.Groups, Prefix: d.Prefix})
}

// MarshalJSON describes the dataset: see [Describe].
func (d *File) MarshalJSON() ([]byte, error) {
	kind := KindOther
	if is := d.format(); is != nil {
		kind = is.kind
	}
	return json.Marshal(form{Kind: kind, Path: d.name(), MaxTokens: d.MaxTokens, IgnoreEOS: d.IgnoreEOS, Turns: d.Turns, Recorded: d.Recorded})
}

// MarshalJSON describes the dataset: see [Describe].
func (m Mix) MarshalJSON() ([]byte, error) {
	f := form{Kind: KindMix}
	for _, c := range m {
		of, err := Describe(c.Dataset)
		if err != nil {
			return nil, err
		}
		class := classForm{Name: c.Name, Share: c.Share, Of: of, Model: c.Model, Priority: c.Priority}
		if c.Think != (harness.Think{}) {
			class.Think = &c.Think
		}
		f.Classes = append(f.Classes, class)
	}
	return json.Marshal(f)
}

// MarshalJSON describes the dataset: see [Describe].
func (d Adapters) MarshalJSON() ([]byte, error) {
	of, err := Describe(d.Dataset)
	if err != nil {
		return nil, err
	}
	f := form{Kind: KindAdapters, Of: of}
	for _, a := range d.Shares {
		f.Shares = append(f.Shares, shareForm(a))
	}
	return json.Marshal(f)
}

// MarshalJSON describes the dataset: see [Describe].
func (d *Cached) MarshalJSON() ([]byte, error) {
	of, err := Describe(d.Dataset)
	if err != nil {
		return nil, err
	}
	return json.Marshal(form{Kind: KindCached, Of: of, Found: &d.Share})
}
