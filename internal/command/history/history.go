// Package history lists the stored runs that a history has, makes it anew of their folders, and exports it.
package history

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/open"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/internal/spelling"
	"github.com/vllmspec/vllmspec/reports"
)

// Command looks at the history of stored runs.
func Command() command.Command {
	return command.Command{Name: "history", Usage: "list | rebuild | export [flags]", Run: run,
		Does: "lists stored runs, exports their figures, makes the index anew",
		Example: `vllmspec history list --branch main --scenario 'Everyday chat'
			vllmspec history export --to figures.parquet    # or .csv
			vllmspec history rebuild                        # of the folders of the runs`}
}

// A call is one use of the command.
type call struct {
	*command.Call
	folder, address string
	query           history.Query
	json            bool
	to              string
}

func run(of *command.Call) error {
	c := &call{Call: of}
	flags := of.Flags()
	out := flags.String("out", "", "`folder` of the runs (default VLLMSPEC_OUT, or reports/out)")
	flags.StringVar(&c.query.Scenario, "scenario", "", "only runs of this `scenario`")
	flags.StringVar(&c.query.Feature, "feature", "", "only runs of the feature with this `title`")
	flags.StringVar(&c.query.Branch, "branch", "", "only runs of this `branch`")
	flags.IntVar(&c.query.Last, "last", 0, "so many runs at most, the newest (default 30 of list, all of export)")
	flags.BoolVar(&c.json, "json", false, "list: a line of JSON for each run")
	flags.StringVar(&c.to, "to", "", "export: the `file`, which ends in .csv or .parquet")
	words, err := flags.Read()
	if err != nil {
		return err
	}
	does := map[string]func(context.Context) error{"list": c.list, "rebuild": c.rebuild, "export": c.export}
	names := []string{"list", "rebuild", "export"}
	switch {
	case len(words) != 1:
		return command.Mistakef("it takes one word: vllmspec history %s", strings.Join(names, ", or "))
	case does[words[0]] == nil:
		return command.Mistakef("there is no history %q%s", plain.Line(words[0]), spelling.DidYouMean(words[0], names))
	case c.query.Last < 0:
		return command.Mistakef("--last is %d; write a number from 1 on", c.query.Last)
	}
	c.folder = open.Folder(of, *out)
	if c.address, err = open.History(of); err != nil {
		return &command.Mistake{Err: err}
	}
	return does[words[0]](context.Background())
}

// runs are those that the flags ask for.
func (c *call) runs(ctx context.Context) (runs []*history.Run, err error) {
	c.query.Whole = true
	warning, err := history.In(ctx, c.address, c.of(), 0, func(h history.History) (err error) {
		runs, err = h.Runs(ctx, c.query)
		return err
	})
	if warning != nil {
		fmt.Fprintln(c.Err, plain.Line(warning.Error()))
	}
	return runs, err
}

func (c *call) of() history.Folder { return history.Folder{Path: c.folder, Read: reports.ReadRun} }

// list prints a line for each run.
func (c *call) list(ctx context.Context) error {
	if c.query.Last == 0 {
		c.query.Last = 30
	}
	c.query.Details, c.query.All = c.json, c.json
	runs, err := c.runs(ctx)
	if err != nil {
		return err
	}
	if len(runs) == 0 && !c.json {
		fmt.Fprintln(c.Out, "no such run is stored")
	}
	for _, run := range runs {
		if c.json {
			raw, err := json.Marshal(listed(run))
			if err != nil {
				return err
			}
			fmt.Fprintf(c.Out, "%s\n", raw)
			continue
		}
		on := run.Branch
		if run.Commit != "" {
			on = strings.TrimSpace(on + " " + run.Commit[:min(len(run.Commit), 7)])
		}
		outcome := run.Outcome
		if run.Stopped != "" {
			outcome = "stopped"
		}
		fmt.Fprintf(c.Out, "%s  %-8s %-24s %-20s %s\n", run.Start.UTC().Format("2006-01-02 15:04:05"), outcome, plain.Line(run.Scenario), plain.Line(on), plain.Line(run.Name))
	}
	return nil
}

// listed is a run as JSON has it: by the names of the columns.
func listed(r *history.Run) map[string]any {
	figures := map[string][]float64{}
	for _, line := range r.Figures {
		for _, f := range line {
			figures[f.Name] = append(figures[f.Name], f.Value)
		}
	}
	return map[string]any{"run": r.Name, "location": r.Location, "feature": r.Feature, "scenario": r.Scenario, "tag": r.Tag, "target": r.Target, "model": r.Model, "gpu": r.GPU, "plan": r.Plan,
		"started": r.Start.UTC(), "seconds": r.Length.Seconds(), "requests": r.Requests, "git_commit": r.Commit, "branch": r.Branch, "server": r.Server, "server_version": r.Version, "gpus": r.GPUs,
		"outcome": r.Outcome, "stopped": r.Stopped, "failure": r.Failure, "labels": r.Labels, "figures": figures}
}

// rebuild makes the history anew.
func (c *call) rebuild(ctx context.Context) error {
	runs, err := history.Rebuild(ctx, c.address, c.of())
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "%d runs of %s are in the history\n", runs, plain.Line(c.folder))
	return nil
}

// export writes the figures as a table.
func (c *call) export(ctx context.Context) error {
	write := history.WriteCSV
	switch kind := filepath.Ext(c.to); kind {
	case ".csv":
	case ".parquet":
		write = history.WriteParquet
	case "":
		return command.Mistakef("--to names the file that is written: --to figures.parquet, or figures.csv")
	default:
		return command.Mistakef("--to: %q is no kind of table that is written; end the name in .parquet or .csv", kind)
	}
	c.query.All = true
	runs, err := c.runs(ctx)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := write(&file, runs); err != nil {
		return err
	}
	return new(disk.Disk).Replace(c.Path(c.to), file.Bytes())
}
