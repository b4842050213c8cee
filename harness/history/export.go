package history

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
)

// A row is a figure of a run, as it is exported.
type row struct {
	Run           string    `parquet:"run"`
	Location      string    `parquet:"location"`
	Feature       string    `parquet:"feature"`
	Scenario      string    `parquet:"scenario"`
	Tag           string    `parquet:"tag"`
	Target        string    `parquet:"target"`
	Model         string    `parquet:"model"`
	GPU           string    `parquet:"gpu"`
	Plan          string    `parquet:"plan"`
	Started       time.Time `parquet:"started,timestamp(microsecond)"`
	Seconds       float64   `parquet:"seconds"`
	Commit        string    `parquet:"git_commit"`
	Branch        string    `parquet:"branch"`
	ServerVersion string    `parquet:"server_version"`
	Outcome       string    `parquet:"outcome"`
	Line          int32     `parquet:"line"`   // of the run's benchmark lines, from 0
	Figure        string    `parquet:"figure"` // "" of a run without figures
	Value         *float64  `parquet:"value,optional"`
	Lo            *float64  `parquet:"lo,optional"`
	Hi            *float64  `parquet:"hi,optional"`
}

// rows are those of a run: one for each figure.
func rows(r *Run) (all []row) {
	of := row{Run: r.Name, Location: r.Location, Feature: r.Feature, Scenario: r.Scenario, Tag: r.Tag, Target: r.Target, Model: r.Model, GPU: r.GPU, Plan: r.Plan, Started: r.Start.UTC(), Seconds: r.Length.Seconds(),
		Commit: r.Commit, Branch: r.Branch, ServerVersion: r.Version, Outcome: r.Outcome}
	for line, figures := range r.Figures {
		for _, f := range figures {
			of.Line, of.Figure, of.Value, of.Lo, of.Hi = int32(line), f.Name, &f.Value, f.Lo, f.Hi
			all = append(all, of)
		}
	}
	if all == nil {
		all = []row{of}
	}
	return all
}

// WriteParquet writes runs as a table, one row for each figure.
func WriteParquet(w io.Writer, runs []*Run) error {
	out := parquet.NewGenericWriter[row](w, parquet.Compression(&parquet.Snappy))
	for _, run := range runs {
		if _, err := out.Write(rows(run)); err != nil {
			return err
		}
	}
	return out.Close()
}

// WriteCSV writes runs as a table, one row for each figure.
func WriteCSV(w io.Writer, runs []*Run) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"run", "location", "feature", "scenario", "tag", "target", "model", "gpu", "plan", "started", "seconds", "git_commit", "branch", "server_version", "outcome", "line", "figure", "value", "lo", "hi"})
	for _, run := range runs {
		for _, r := range rows(run) {
			_ = out.Write([]string{r.Run, r.Location, r.Feature, r.Scenario, r.Tag, r.Target, r.Model, r.GPU, r.Plan, r.Started.Format(time.RFC3339Nano), number(&r.Seconds), r.Commit, r.Branch, r.ServerVersion, r.Outcome,
				strconv.Itoa(int(r.Line)), r.Figure, number(r.Value), number(r.Lo), number(r.Hi)})
		}
	}
	out.Flush()
	return out.Error() // of any of them
}

func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}
