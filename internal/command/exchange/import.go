// Package exchange is the commands that read what other load generators measured, and write for them.
package exchange

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/foreign"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/open"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/importing"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/reports"
)

// ImportCommand makes runs of other tools' results.
func ImportCommand() command.Command {
	return command.Command{Name: "import", Usage: "FILE… [OBJECTIVE…]", Run: runImport,
		Does: "judges what vllm bench, GuideLLM, AIPerf or k6 measured",
		Example: `vllmspec import vllm-bench.json 'p95 TTFT at most 300 ms'
			vllmspec import profile_export.jsonl profile_export_aiperf.json
			vllmspec import k6.json.gz k6-summary.json 'p95 E2E latency at most 1 s'`}
}

func runImport(call *command.Call) error {
	flags := call.Flags()
	tool := flags.String("tool", "auto", "`tool` that wrote the files: "+strings.Join(foreign.Tools(), ", ")+", or auto for what their content shows")
	feature := flags.String("objectives", "", "`feature` whose objectives are judged: its only scenario that has any, or the one on a line, slo/chat.feature:12")
	out := flags.String("out", "", "`folder` in which runs are stored (default VLLMSPEC_OUT, or reports/out)")
	others, err := flags.Read()
	if err != nil {
		return err
	}
	results, asked, err := wanted(call, others, *tool, *feature)
	if err != nil {
		return &command.Mistake{Err: err}
	}
	folder, failed := open.Folder(call, *out), false
	for _, r := range results {
		kept, err := importing.Keep(r, asked, folder)
		if err != nil {
			return err
		}
		show(call, kept)
		failed = failed || fails(call, kept)
		if err := new(disk.Disk).Point(filepath.Join(folder, "latest"), filepath.Base(kept.Dir)); err != nil {
			return err
		}
	}
	if err := reports.WriteIndex(folder); err != nil {
		return err
	}
	if failed {
		return command.ErrShown
	}
	return nil
}

// fails reports whether a run fails the command, as vllmspec test has it: VLLMSPEC_UNKNOWN=warn lets an unknown verdict pass.
func fails(call *command.Call, kept *importing.Kept) bool {
	lenient := slices.Contains(call.Environ, "VLLMSPEC_UNKNOWN=warn")
	return slices.ContainsFunc(kept.Verdicts, func(v slo.Verdict) bool {
		return v.Outcome != slo.Met && !(lenient && v.Outcome == slo.Unknown)
	})
}

// wanted are the results in the files among the arguments, and what is to be judged of them.
func wanted(call *command.Call, arguments []string, tool, feature string) ([]*foreign.Result, importing.Asked, error) {
	var asked importing.Asked
	of, err := foreign.ToolOf(tool)
	if err != nil {
		return nil, asked, fmt.Errorf("--tool: %w", err)
	}
	paths, rows := split(call, arguments)
	if len(paths) == 0 {
		return nil, asked, errors.New("it takes the files of a tool: vllmspec import vllm-bench.json 'p95 TTFT at most 300 ms'")
	}
	if feature != "" {
		if asked, err = ofFeature(call.Path(feature)); err != nil {
			return nil, asked, fmt.Errorf("--objectives: %w", err)
		}
	}
	more, err := importing.Rows(rows)
	if err != nil {
		return nil, asked, err
	}
	asked.Objectives = append(asked.Objectives, more...)
	results, err := foreign.Read(paths, of)
	return results, asked, err
}

// split tells files from objectives: a file is there, or has the look of one.
func split(call *command.Call, arguments []string) (paths, rows []string) {
	for _, argument := range arguments {
		path := call.Path(argument)
		if _, err := os.Stat(path); err == nil || !strings.Contains(argument, " ") {
			paths = append(paths, path)
		} else {
			rows = append(rows, argument)
		}
	}
	return paths, rows
}

// show prints what became of a run.
func show(call *command.Call, kept *importing.Kept) {
	say := func(indent, line string) { fmt.Fprintln(call.Out, indent+plain.Line(line)) }
	say("", kept.Headline)
	say("  ", "target: "+kept.Target.String())
	for _, v := range kept.Verdicts {
		say("  ", v.Sentence())
		for _, note := range v.Notes {
			say("    ", note)
		}
	}
	for _, w := range kept.Warnings {
		say("  ", "note: "+w)
	}
	say("  ", filepath.Join(kept.Dir, "report.html"))
}
