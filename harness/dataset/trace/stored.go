package trace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// stored is what of requests.parquet makes a trace.
type stored struct {
	Due             int64   `parquet:"due_ns"`
	Class           string  `parquet:"class,optional"`
	Prompt          *int64  `parquet:"prompt_tokens,optional"`
	Output          *int64  `parquet:"output_tokens,optional"`
	RequestedPrompt *int64  `parquet:"requested_prompt_tokens,optional"`
	RequestedOutput *int64  `parquet:"requested_output_tokens,optional"`
	Model           *string `parquet:"requested_model,optional"`
}

// readStored reads the requests of a run: when they were due since it began, of
// which class and model they were, and how long they and their answers were.
func readStored(files fs.FS, path string) (t Trace, err error) {
	file, opened, err := source.OpenParquetFile(files, path)
	if err != nil {
		return t, err
	}
	defer file.Close()
	t.Name = path
	if t.Requests, err = readRequests(opened); err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	return t, t.check()
}

func readRequests(opened *parquet.File) (out []Request, err error) {
	defer source.RecoverParquet(&err)
	if _, ok := opened.Schema().Lookup("due_ns"); !ok {
		return nil, errors.New("there is no column due_ns; a trace in Parquet is the requests.parquet of a stored run")
	}
	rows := parquet.NewGenericReader[stored](opened)
	defer rows.Close()
	batch := make([]stored, 256)
	for {
		n, err := rows.Read(batch)
		for _, r := range batch[:n] {
			out = append(out, r.traced())
		}
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		}
	}
}

// traced is the request once more. Where there is no count, as with an answer that
// did not come, it has the length that was asked for; an answer of no known
// length has one token.
func (r stored) traced() Request {
	out := Request{At: time.Duration(r.Due), Class: r.Class, Answer: 1}
	if n := firstKnown(r.Prompt, r.RequestedPrompt); n != nil {
		out.Prompt = int(*n)
	}
	if n := firstKnown(r.Output, r.RequestedOutput); n != nil {
		out.Answer = max(1, int(*n))
	}
	if r.Model != nil {
		out.Model = *r.Model
	}
	return out
}

func firstKnown(counts ...*int64) *int64 {
	for _, n := range counts {
		if n != nil {
			return n
		}
	}
	return nil
}
