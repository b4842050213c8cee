package mock

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/mockvllm"
	"github.com/vllmspec/vllmspec/mockvllm/calibrate"
)

// poor is a mean error with which a profile is of no use.
const poor = 0.25

// score tells how well a profile repeats stored runs.
func (o options) score(profile mockvllm.Profile, out io.Writer) error {
	runs, err := readRuns(o.files)
	if err != nil {
		return err
	}
	rows, err := calibrate.Score(profile, runs)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s on %s\n\n", profile.Name, profile.GPU)
	printRows(rows, out)
	return nil
}

// calibrate fits a profile to stored runs and tells how well it fits.
func (o options) calibrate(begin mockvllm.Profile, out io.Writer) error {
	runs, err := readRuns(o.files)
	if err != nil {
		return err
	}
	profile, rows, err := calibrate.Fit(begin, runs)
	if err != nil {
		return err
	}
	ttft, tpot := printRows(rows, out)
	if max(ttft, tpot) > poor {
		return errors.New("these runs cannot be repeated, and no profile is made of them: give the server's own --max-num-seqs, --max-num-batched-tokens and --num-gpu-blocks-override, which must be the same for all runs, and leave out runs that something disturbed")
	}
	if o.model != "" {
		profile.Name = o.model
	}
	profile.Source = fmt.Sprintf("fitted by vllmspec mock calibrate to %d runs, beginning with %s on %s", len(runs), begin.Name, begin.GPU)
	profile.Error = fmt.Sprintf("TTFT %.1f %%, TPOT %.1f %% over %d groups of requests", 100*ttft, 100*tpot, len(rows))
	raw, err := json.MarshalIndent(profile, "", "  ")
	if err != nil {
		return err
	}
	if o.write == "" {
		_, err = fmt.Fprintf(out, "\n%s\n", raw)
		return err
	}
	if err := new(disk.Disk).Replace(o.write, append(raw, '\n')); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nwritten to %s; serve it with: vllmspec mock --profile ./%s\n", o.write, filepath.ToSlash(o.write))
	return nil
}

func readRuns(dirs []string) (runs []calibrate.Run, err error) {
	for _, dir := range dirs {
		run, err := readRun(dir)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// readRun takes from a stored run what is compared. A run in which many requests
// failed is none to learn from: what failed took part of the server, too.
func readRun(dir string) (calibrate.Run, error) {
	stored, err := store.Open(dir)
	if err != nil {
		return calibrate.Run{}, err
	}
	run := calibrate.Run{Name: filepath.Base(filepath.Clean(dir))}
	all := 0
	for r := range stored.Run.Records {
		all++
		if r.OK() && r.Sent != harness.NoTime && r.PromptTokens > 0 && r.OutputTokens > 0 && len(r.Chunks) > 0 {
			run.Requests = append(run.Requests, calibrate.Request{User: r.User + 1, Sent: r.Sent, Prompt: r.PromptTokens, Output: r.OutputTokens,
				Cached: max(0, r.CachedTokens), TTFT: r.FirstToken() - r.Sent, TPOT: max(0, r.TPOT())})
		}
	}
	if whole := len(run.Requests); whole*20 < all*19 {
		return run, fmt.Errorf("%s: only %d of %d requests were answered in full and tell their tokens; 95 %% are needed", dir, whole, all)
	}
	return run, nil
}

// printRows writes the error table and returns the mean errors.
func printRows(rows []calibrate.Row, out io.Writer) (ttft, tpot float64) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "prompt\tin flight\tTTFT ms: server\tmock\terror\tTPOT ms: server\tmock\terror\t  run")
	for _, r := range rows {
		dt, dp := r.Errors()
		fmt.Fprintf(table, "%.0f\t%.1f\t%.1f\t%.1f\t%+.1f %%\t%.2f\t%.2f\t%+.1f %%\t  %s\n", r.Prompt, r.Concurrency,
			r.TTFT.Seconds()*1000, r.MockTTFT.Seconds()*1000, 100*dt, r.TPOT.Seconds()*1000, r.MockTPOT.Seconds()*1000, 100*dp, r.Run)
	}
	table.Flush()
	ttft, tpot = calibrate.MeanErrors(rows)
	fmt.Fprintf(out, "mean error: TTFT %.1f %%, TPOT %.1f %%\n", 100*ttft, 100*tpot)
	return ttft, tpot
}
