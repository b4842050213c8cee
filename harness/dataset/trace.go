package dataset

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A Traced request is one line of a trace: when it came, how long its prompt was
// and how long its answer. Blocks are names of successive pieces of the prompt,
// where the trace has them.
type Traced struct {
	At             time.Duration // since the first one, or since the run that it was part of began
	Prompt, Answer int           // tokens; 0 is unknown
	Blocks         []int
	Class, Model   string // where the trace has them
}

// Trace is the requests of a trace, in its order: prompts of random tokens as
// long as the trace says, answered at the length that it says. Prompts whose
// pieces have the same names begin alike.
type Trace struct {
	Name     string
	Requests []Traced
}

func (d Trace) String() string { return fmt.Sprintf("lengths of the trace %q", d.Name) }

// Count is how many requests there are.
func (d Trace) Count() (int, error) { return len(d.Requests), nil }

// pieceTokens is how many tokens one name stands for in Mooncake's traces.
const pieceTokens = 512

// Conversations implements [harness.Dataset].
func (d Trace) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	for i, request := range d.Requests {
		if request.Prompt < 1 || request.Answer < 1 {
			return nil, fmt.Errorf("request %d of the trace %q has a prompt of %d tokens and an answer of %d; say beside the trace what is asked: And prompts of 512 tokens are answered in 128 tokens", i+1, d.Name, request.Prompt, request.Answer)
		}
	}
	return func(yield func(harness.Conversation) bool) {
		for _, request := range d.Requests {
			prompt := harness.Prompt{TokenIDs: request.tokens(r), Tokens: request.Prompt, MaxTokens: request.Answer, IgnoreEOS: true,
				Class: request.Class, Model: request.Model}
			if !yield(harness.Conversation{Turns: []harness.Prompt{prompt}}) {
				return
			}
		}
	}, nil
}

// tokens of a prompt: a named piece is the same wherever its name stands.
func (q Traced) tokens(r *rand.Rand) []int {
	ids := make([]int, q.Prompt)
	for i := range ids {
		if piece := i / pieceTokens; piece < len(q.Blocks) && i%pieceTokens == 0 {
			fill(ids[i:min(len(ids), i+pieceTokens)], rand.New(rand.NewPCG(uint64(q.Blocks[piece]), 0x7ace)))
		} else if piece >= len(q.Blocks) {
			ids[i] = word(r)
		}
	}
	return ids
}

func fill(ids []int, r *rand.Rand) {
	for i := range ids {
		ids[i] = word(r)
	}
}

func word(r *rand.Rand) int { return firstWord + r.IntN(lastWord-firstWord) }

// ReadTrace reads a trace in one of the forms that were published: the CSV files
// of Azure (AzurePublicDataset, LLM inference 2023 and 2024) and of BurstGPT,
// and the JSON lines of Mooncake; or the requests.parquet of a run that was stored.
func ReadTrace(files fs.FS, path string) (Trace, error) {
	if strings.HasSuffix(path, ".parquet") {
		return readStored(files, path)
	}
	file, err := files.Open(path)
	if err != nil {
		return Trace{}, err
	}
	defer file.Close()
	buffered := bufio.NewReader(file)
	first, err := buffered.Peek(1)
	if err != nil {
		return Trace{}, fmt.Errorf("%s: there is no request in it", path)
	}
	read := readCSVTrace
	if first[0] == '{' {
		read = readMooncake
	}
	t := Trace{Name: path}
	if t.Requests, err = read(buffered); err != nil {
		return t, inFile(path, err)
	}
	return t, t.relative()
}

// relative counts instants from the first one.
func (d *Trace) relative() error {
	if len(d.Requests) > 0 {
		begin := d.Requests[0].At
		for i := range d.Requests {
			d.Requests[i].At -= begin
		}
	}
	return d.check()
}

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
func (d Trace) Classes() []string { return d.every(func(q Traced) string { return q.Class }) }

// Models are those that are asked beside the client's own.
func (d Trace) Models() []string { return d.every(func(q Traced) string { return q.Model }) }

// every is each value once that is not empty.
func (d Trace) every(of func(Traced) string) (out []string) {
	for _, request := range d.Requests {
		if v := of(request); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// Instants are when the requests came.
func (d Trace) Instants() (out []time.Duration) {
	for _, request := range d.Requests {
		out = append(out, request.At)
	}
	return out
}

// readCSVTrace reads Azure's and BurstGPT's files, which differ in the names of
// their columns and in how they write instants.
func readCSVTrace(r io.Reader) (out []Traced, err error) {
	lines := csv.NewReader(r)
	lines.ReuseRecord = true
	header, err := lines.Read()
	if err != nil {
		return nil, err
	}
	at, prompt, answer := column(header, "TIMESTAMP"), column(header, "ContextTokens", "Request tokens"), column(header, "GeneratedTokens", "Response tokens")
	if min(at, prompt, answer) < 0 {
		return nil, &lineError{1, fmt.Errorf("the columns are %q; Azure's are TIMESTAMP, ContextTokens, GeneratedTokens, BurstGPT's Timestamp, Request tokens, Response tokens", header)}
	}
	for {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err // it names the line
		}
		line, _ := lines.FieldPos(0)
		request := Traced{}
		if request.At, err = instant(record[at]); err == nil {
			request.Prompt, err = strconv.Atoi(record[prompt])
		}
		if err == nil {
			request.Answer, err = strconv.Atoi(record[answer])
		}
		if err != nil {
			return nil, &lineError{int64(line), err}
		}
		if request.Answer > 0 { // BurstGPT lists failed requests too, without an answer
			out = append(out, request)
		}
	}
}

// instant reads "2023-11-16 18:01:51.6805900", the same with a time zone, or
// seconds.
func instant(s string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && seconds >= 0 && seconds < 1e9 {
		return time.Duration(seconds * float64(time.Second)), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00"} {
		if at, err := time.Parse(layout, s); err == nil {
			return time.Duration(at.UnixNano()), nil
		}
	}
	return 0, fmt.Errorf("%q is no instant; write 2023-11-16 18:01:51.68 or seconds", s)
}

// readMooncake reads JSON lines with timestamps in milliseconds.
func readMooncake(r io.Reader) (out []Traced, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestRecord)
	for n := int64(1); lines.Scan(); n++ {
		var row struct {
			Timestamp *float64 `json:"timestamp"`
			Input     int      `json:"input_length"`
			Output    int      `json:"output_length"`
			Hashes    []int    `json:"hash_ids"`
		}
		err := json.Unmarshal(lines.Bytes(), &row)
		if err == nil && row.Timestamp == nil {
			err = errors.New(`there is no "timestamp"`)
		}
		if err != nil {
			return nil, &lineError{n, fmt.Errorf(`%w; a line is {"timestamp": 0, "input_length": 512, "output_length": 128, "hash_ids": [1]}`, explainJSON(err))}
		}
		out = append(out, Traced{At: time.Duration(*row.Timestamp * float64(time.Millisecond)), Prompt: row.Input, Answer: row.Output, Blocks: row.Hashes})
	}
	return out, lines.Err()
}
