// Package trace plays traces: when requests came, how long their prompts and answers were, and which of them
// begin alike, as a service wrote it down. It reads the forms that were published (Azure's, BurstGPT's,
// Mooncake's), tables and JSON like them, and runs that were stored.
//
// A [Trace] is the dataset of its prompts and the source of its instants at once. One of millions of requests is not
// held in memory: it is read, and sorted, while it is played.
package trace

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/tokens"
)

// A Request is one line of a trace: when it came, how long its prompt was
// and how long its answer. Blocks are names of successive pieces of the prompt,
// where the trace has them.
type Request struct {
	At             time.Duration // since the first one, or since the run that it was part of began
	Prompt, Answer int           // tokens; 0 is unknown
	Blocks         []int
	Class, Model   string // where the trace has them
}

// Trace is the requests of a trace, in the order of their instants: prompts of random tokens
// as long as the trace says, answered at the length that it says. Prompts whose pieces have
// the same names begin alike. A trace of many requests is not held: it is read from its file
// as it is played.
type Trace struct {
	Name     string
	Requests []Request // that are held
	Block    int       // tokens that a name of a piece stands for; 0 is 512
	Sample   bool      // it comes along, to try things with

	file  *traceFile // that it was read from; nil: it was not, or is a stored run
	doubt error      // why its instants may be in another unit
}

func (d Trace) String() string { return fmt.Sprintf("lengths of the trace %q", d.Name) }

// Count is how many requests there are.
func (d Trace) Count() (int, error) { return d.count(), nil }

func (d Trace) count() int {
	if d.file != nil {
		return int(d.file.facts.kept)
	}
	return len(d.Requests)
}

// Held reports whether all requests are in memory.
func (d Trace) Held() bool { return d.file == nil || d.Requests != nil }

// MarshalJSON describes the trace as data, without its requests.
func (d Trace) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind     string `json:"kind"`
		Name     string `json:"name,omitempty"`
		Requests int    `json:"requests,omitempty"`
	}{"trace", d.Name, d.count()})
}

// Last is when the last request came.
func (d Trace) Last() time.Duration {
	switch {
	case d.file != nil:
		return d.file.facts.most - d.file.facts.least
	case len(d.Requests) == 0:
		return 0
	}
	return d.Requests[len(d.Requests)-1].At - d.Requests[0].At
}

// Pause is the longest time between two requests of a trace that is not held.
func (d Trace) Pause() time.Duration { return d.file.facts.pause }

// Close closes the file of a trace that is not held.
func (d Trace) Close() error {
	if d.Held() {
		return nil
	}
	return d.file.Close()
}

// pieceTokens is how many tokens one name stands for in Mooncake's traces.
const pieceTokens = 512

// Conversations implements [harness.Dataset].
func (d Trace) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	for i, request := range d.Requests {
		if err := d.asks(i, request); err != nil {
			return nil, err
		}
	}
	if !d.Held() && !d.file.form.lengths {
		return nil, d.asks(0, Request{})
	}
	return func(yield func(harness.Conversation) bool) {
		for request, err := range d.each() {
			if err != nil {
				yield(harness.Conversation{Err: err})
				return
			}
			prompt := harness.Prompt{TokenIDs: request.tokens(r, cmp.Or(d.Block, pieceTokens)), Tokens: request.Prompt, MaxTokens: request.Answer, IgnoreEOS: true,
				Class: request.Class, Model: request.Model}
			if !yield(harness.Conversation{Turns: []harness.Prompt{prompt}}) {
				return
			}
		}
	}, nil
}

// asks refuses a request whose lengths the trace does not say.
func (d Trace) asks(i int, request Request) error {
	if request.Prompt > 0 && request.Answer > 0 {
		return nil
	}
	return fmt.Errorf("request %d of the trace %q has a prompt of %d tokens and an answer of %d; say beside the trace what is asked: And prompts of 512 tokens are answered in 128 tokens", i+1, d.Name, request.Prompt, request.Answer)
}

// each is every request in the order of their instants.
func (d Trace) each() iter.Seq2[Request, error] {
	if !d.Held() {
		return d.file.sorted
	}
	return func(yield func(Request, error) bool) {
		for _, request := range d.Requests {
			if !yield(request, nil) {
				return
			}
		}
	}
}

// tokens of a prompt: a named piece is the same wherever its name stands.
func (q Request) tokens(r *rand.Rand, size int) []int {
	ids := make([]int, q.Prompt)
	for i := range ids {
		if piece := i / size; piece < len(q.Blocks) && i%size == 0 {
			tokens.Fill(ids[i:min(len(ids), i+size)], rand.New(rand.NewPCG(uint64(q.Blocks[piece]), 0x7ace)))
		} else if piece >= len(q.Blocks) {
			ids[i] = tokens.Random(r)
		}
	}
	return ids
}

// held is how many requests are kept in memory at most.
const held = 100_000

// Read reads a trace in one of the forms that were published: the CSV files
// of Azure (AzurePublicDataset, LLM inference 2023 and 2024) and of BurstGPT,
// and the JSON lines of Mooncake; tables and JSON like them; or the requests.parquet of a
// run that was stored. Requests that failed, or that have no length, are left out.
func Read(files fs.FS, path string) (Trace, error) {
	if strings.HasSuffix(path, ".parquet") {
		return readStored(files, path)
	}
	t := Trace{Name: path}
	file, err := source.OpenText(files, path)
	if err != nil {
		return t, err
	}
	if t.file, err = scan(file); err == nil {
		err = t.found()
	}
	if err != nil {
		return Trace{Name: path}, errors.Join(source.InFile(path, err), file.Close())
	}
	if t.Held() {
		return t, file.Close()
	}
	return t, nil
}

// found takes what was found in the file, and the requests where they are few.
func (d *Trace) found() (err error) {
	facts := &d.file.facts
	if facts.kept == 0 {
		return errNoRequest
	}
	if d.Block, err = facts.names.size(); err != nil {
		return err
	}
	if !d.file.form.dated {
		d.doubt = facts.numbers.doubt()
	}
	if facts.kept > held {
		return nil
	}
	for request, err := range d.file.sorted {
		if err != nil {
			return err
		}
		d.Requests = append(d.Requests, request)
	}
	return nil
}

// check refuses a stored run whose requests are out of order.
func (d *Trace) check() error {
	if len(d.Requests) == 0 {
		return fmt.Errorf("%s: there is no request in it", d.Name)
	}
	last := time.Duration(0)
	for i, request := range d.Requests {
		if request.At < last {
			return fmt.Errorf("%s: request %d came before the one ahead of it", d.Name, i+1)
		}
		last = request.At
	}
	return nil
}

// Classes are the classes of traffic in it.
func (d Trace) Classes() []string { return d.every(func(q Request) string { return q.Class }) }

// Models are those that are asked beside the client's own.
func (d Trace) Models() []string { return d.every(func(q Request) string { return q.Model }) }

// every is each value once that is not empty. Only stored runs, which are held, have any.
func (d Trace) every(of func(Request) string) (out []string) {
	for _, request := range d.Requests {
		if v := of(request); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// Instants are when the requests came, where they are held.
func (d Trace) Instants() (out []time.Duration) {
	for _, request := range d.Requests {
		out = append(out, request.At)
	}
	return out
}

// Times yields when the requests came. Where the file cannot be read any more it ends.
func (d Trace) Times(yield func(time.Duration) bool) {
	for request, err := range d.each() {
		if err != nil || !yield(request.At) {
			return
		}
	}
}
