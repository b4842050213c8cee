package exchange

import (
	"bytes"
	"fmt"
	"io"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/foreign"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// ExportCommand writes runs as other tools do.
func ExportCommand() command.Command {
	return command.Command{Name: "export", Usage: "RUN", Run: runExport,
		Does: "writes a run as vllm bench does, or as a table",
		Example: `vllmspec export reports/out/run=20261201T120000Z-chat > chat.json
			vllmspec export reports/out/run=A --format csv --to chat.csv`}
}

// formats are those that can be written, by their names.
func formats() map[string]func(io.Writer, *store.Stored) error {
	return map[string]func(io.Writer, *store.Stored) error{
		string(foreign.VLLMBench): func(w io.Writer, s *store.Stored) error {
			return foreign.WriteVLLMBench(w, s.Run, foreign.About{Model: s.Manifest.Server.Model, Start: s.Run.Start, Rate: rateOf(s.Run.Scenario.Load), Poisson: isPoisson(s.Run.Scenario.Load),
				Chat: s.Manifest.Scenario.Labels["interface"] == store.InterfaceChat})
		},
		"csv": func(w io.Writer, s *store.Stored) error { return foreign.WriteCSV(w, s.Run) },
	}
}

// rateOf is the rate of a steady load; 0 of another one.
func rateOf(load harness.Load) float64 {
	if open, is := load.(harness.Open); is && open.Arrivals != nil && open.Steady() {
		return open.Arrivals.Rate()
	}
	return 0
}

// isPoisson reports whether requests arrive as a Poisson process.
func isPoisson(load harness.Load) bool {
	open, is := load.(harness.Open)
	if is {
		_, is = open.Arrivals.(arrival.Poisson)
	}
	return is
}

func runExport(call *command.Call) error {
	flags := call.Flags()
	format := flags.String("format", string(foreign.VLLMBench), "`format`: vllm-bench for its JSON, csv for a row of each request")
	to := flags.String("to", "", "`file` that is written; the output if there is none")
	dirs, err := flags.Read()
	if err != nil {
		return err
	}
	write, known := formats()[*format]
	switch {
	case !known:
		return command.Mistakef("--format: there is no format %q%s", *format, spelling.DidYouMean(*format, []string{string(foreign.VLLMBench), "csv"}))
	case len(dirs) != 1:
		return command.Mistakef("it takes the folder of one run: vllmspec export reports/out/run=…")
	}
	stored, err := store.Open(call.Path(dirs[0]))
	if err != nil {
		return &command.Mistake{Err: err}
	}
	if *to == "" {
		return write(call.Out, stored)
	}
	var file bytes.Buffer
	if err := write(&file, stored); err != nil {
		return fmt.Errorf("%s: %w", dirs[0], err)
	}
	return new(disk.Disk).Replace(call.Path(*to), file.Bytes())
}
