package foreign

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A Tool is a load generator whose results can be read.
type Tool string

// The tools, as the flag --tool names them.
const (
	VLLMBench Tool = "vllm-bench"
	GuideLLM  Tool = "guidellm"
	AIPerf    Tool = "aiperf"
	K6        Tool = "k6"
)

// A format is how the results of one tool are read.
type format struct {
	tool  Tool
	name  string                                          // as its makers write it
	looks string                                          // what its files are recognised by
	is    func(*head) kind                                // what a file holds of it
	read  func(detail, summary string) ([]*Result, error) // of the files that belong together; summary may be ""
}

// A kind is what a file holds of a tool's results.
type kind int

const (
	none    kind = iota // it is not of this tool
	detail              // a record of each request
	summary             // figures only
)

// formats are all that can be read. Adding a tool is adding an entry.
func formats() []format {
	return []format{vllmBenchFormat(), guideLLMFormat(), aiperfFormat(), k6Format()}
}

// Tools are the names that [ToolOf] knows.
func Tools() (names []string) {
	for _, f := range formats() {
		names = append(names, string(f.tool))
	}
	return names
}

// ToolOf is the tool of a name; "" and "auto" are the one that a file shows.
func ToolOf(name string) (Tool, error) {
	if name == "" || name == "auto" {
		return "", nil
	}
	if slices.Contains(Tools(), name) {
		return Tool(name), nil
	}
	return "", fmt.Errorf("no tool is called %q%s", name, spelling.DidYouMean(name, append(Tools(), "auto")))
}

// Name is the tool as its makers write it.
func (t Tool) Name() string {
	for _, f := range formats() {
		if f.tool == t {
			return f.name
		}
	}
	return string(t)
}

// A Result is one run as another tool's files tell it. Times count from when its first request was
// sent.
type Result struct {
	Tool     Tool
	Version  string   // of the tool; "" where it is not known
	Files    []string // it was read from
	Name     string   // for people
	Model    string
	URL      string // of the server; "" where it is not known
	Chat     bool   // chats were asked in place of completions
	Load     string // in words; "" where it is not known
	Start    time.Time
	Length   time.Duration // until the last request had ended
	From, To time.Duration // the window that the tool measures
	Requests int
	Unknown  []string // what the files do not tell, in sentences
	Figures  []Figure // that the tool states

	records iter.Seq2[harness.Record, error]
}

// Records are the requests of a result. An error ends them. They may come in the order in which they
// ended.
func (r *Result) Records() iter.Seq2[harness.Record, error] { return r.records }

// By is the tool and its version.
func (r *Result) By() string { return strings.TrimSpace(r.Tool.Name() + " " + r.Version) }

// Read reads the results in files. Files of the same tool that hold the requests and the summary of one run
// are read together; others are results of their own. The tool is that of the content where it is "".
func Read(paths []string, tool Tool) ([]*Result, error) {
	var details, summaries []found
	for _, path := range paths {
		f, err := recognise(path, tool)
		if err != nil {
			return nil, err
		}
		if f.kind == summary {
			summaries = append(summaries, f)
		} else {
			details = append(details, f)
		}
	}
	with, err := pair(details, summaries)
	if err != nil {
		return nil, err
	}
	var all []*Result
	for i, f := range details {
		results, err := f.read(f.path, with[i])
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			r.Tool, r.Files = f.tool, []string{filepath.Base(f.path)}
			if with[i] != "" {
				r.Files = append(r.Files, filepath.Base(with[i]))
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// A found is a file whose format is known.
type found struct {
	format
	kind kind
	path string
}

// recognise finds the format of a file.
func recognise(path string, only Tool) (found, error) {
	h, err := readHead(path)
	if err != nil {
		return found{}, err
	}
	var looked []string
	for _, f := range formats() {
		if only != "" && f.tool != only {
			continue
		}
		if kind := f.is(h); kind != none {
			return found{f, kind, path}, nil
		}
		looked = append(looked, fmt.Sprintf("%s (%s)", f.name, f.looks))
	}
	why := "it is none of these: "
	if only != "" {
		why = "it is no result of "
	}
	return found{}, fmt.Errorf("%s: %s%s%s", path, why, strings.Join(looked, "; "), h.wrong())
}

// pair finds the summary that belongs to each file of requests: the one of the same tool.
func pair(details, summaries []found) ([]string, error) {
	with := make([]string, len(details))
	for _, s := range summaries {
		var of []int
		for i, d := range details {
			if d.tool == s.tool && with[i] == "" {
				of = append(of, i)
			}
		}
		switch {
		case len(of) == 0 || s.tool == VLLMBench: // its requests have the figures of their run beside them
			return nil, fmt.Errorf("%s: it holds figures of %s and no requests, from which no interval follows; %s", s.path, s.name, remedy(s.tool))
		case len(of) > 1:
			return nil, fmt.Errorf("%s: it can belong to %s or %s; import one run at a time", s.path, details[of[0]].path, details[of[1]].path)
		}
		with[of[0]] = s.path
	}
	if len(details) == 0 {
		return nil, errors.New("no file of results is named")
	}
	return with, nil
}

// remedy is how a tool is made to write its requests.
func remedy(t Tool) string {
	switch t {
	case VLLMBench:
		return "run vllm bench serve with --save-result --save-detailed"
	case AIPerf:
		return "name its profile_export.jsonl, too"
	case K6:
		return "run k6 with --out json=FILE, and name that file, too"
	}
	return "let it write its requests, too"
}
