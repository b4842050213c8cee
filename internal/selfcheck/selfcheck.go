//go:build unix

// Package selfcheck grades the load generator against a server whose truth is known: the mock, in a
// process of its own, writes down when each token left it, and the client's stamps are compared with
// that. It prints how late the client sends, how wrong its stamps are and what they cost, at rising
// load and on a client that is starved of CPU, on the machine where it runs.
package selfcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A check is one load to be graded.
type check struct {
	Name    string
	Streams int
	Gap     time.Duration // between tokens
	Tokens  int           // of each answer
	Over    time.Duration // requests arrive over this time; 0: all at once
	Loop    int           // closed loop: so many requests of each stream
	Core    float64       // share of one core that the client is held to; 0: all there is
	Soak    bool          // nothing is kept and graded
	Waiting bool          // without a server: what waiting for the instants costs
	Bare    bool          // what comes is read, and not looked at
	Watched bool          // by turns without the live page and with it, for no viewer, one and ten
	Shown   bool          // on a live page…
	Viewers int           // …which so many follow
}

func checks() []check {
	paced := func(streams int, gap time.Duration, core float64) check {
		const long = 6 * time.Second
		name := fmt.Sprintf("%d streams, %.0f tokens/s each", streams, 1/gap.Seconds())
		if core > 0 {
			name += fmt.Sprintf(", on %g of a core", core)
		}
		return check{Name: name, Streams: streams, Gap: gap, Tokens: int(long / gap), Over: long, Core: core}
	}
	unread := paced(1000, 50*time.Millisecond, 0)
	unread.Name, unread.Bare = unread.Name+onlyRead, true
	brief := func(perSecond int) check {
		const long = 8
		return check{Name: fmt.Sprintf("%d requests per second, one token each", perSecond), Streams: perSecond * long, Tokens: 1, Over: long * time.Second}
	}
	return []check{
		paced(10, 20*time.Millisecond, 0),
		paced(100, 20*time.Millisecond, 0),
		paced(1000, 50*time.Millisecond, 0),
		unread,
		paced(5000, 100*time.Millisecond, 0),
		paced(10_000, 200*time.Millisecond, 0),
		{Name: "1000 requests at once, 100 tokens/s each", Streams: 1000, Gap: 10 * time.Millisecond, Tokens: 100},
		brief(100),
		brief(1000),
		brief(2000),
		{Name: "waiting for 1000 instants a second", Streams: 8000, Tokens: 1, Over: 8 * time.Second, Waiting: true},
		watchedCheck(),
		{Name: "64 streams as fast as it goes", Streams: 64, Tokens: 200, Loop: 100},
		paced(1000, 50*time.Millisecond, 0.5),
		paced(1000, 50*time.Millisecond, 0.25),
	}
}

// A Command is how the check is run, and where it writes.
type Command struct {
	Program        string // vllmspec: its mock is the server, and it runs the check again for what needs a process of its own
	Stdout, Stderr io.Writer
}

// An ArgumentError is that the arguments choose no check.
type ArgumentError struct{ err error }

// Error implements error.
func (a *ArgumentError) Error() string { return a.err.Error() }

// Run grades the loads with these words in their names, or all. The arguments "soak N" are N short
// requests in its place, one after the other on 64 streams: memory and speed every 30 s. Others are
// for the processes that it starts itself. Those that choose no check are an [ArgumentError], before
// anything runs.
func (r Command) Run(ctx context.Context, args []string) error {
	if len(args) == 3 && args[0] == "load" {
		return r.load(ctx, args[1], args[2])
	}
	if len(args) == 3 && args[0] == "follow" {
		return follow(os.Stdin, r.Stdout, args[1], args[2])
	}
	chosen, err := choose(args)
	if err != nil {
		return &ArgumentError{err}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	runtime.LockOSThread() // as long as it lives, so may what it starts
	dir, err := os.MkdirTemp("", "selfcheck")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	grades, err := r.grades(ctx, place{r, dir}, chosen)
	if grades == nil {
		return err
	}
	printAll(r.Stdout, grades)
	return errors.Join(err, keep(grades))
}

// grades are those of the checks that could be carried out.
func (r Command) grades(ctx context.Context, in place, chosen []check) (grades []grade, _ error) {
	var failed []error
	for _, c := range chosen {
		fmt.Fprintf(r.Stderr, "%s …\n", c.Name)
		switch g, err := c.run(ctx, in); {
		case ctx.Err() != nil:
			return nil, errors.New("interrupted")
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", c.Name, err))
		case !c.Soak:
			grades = append(grades, g)
		}
	}
	return grades, errors.Join(failed...)
}

// printAll prints what was found, kind by kind.
func printAll(out io.Writer, grades []grade) {
	loads := slices.DeleteFunc(slices.Clone(grades), func(g grade) bool { return g.Waiting != nil || g.Watched != nil || g.Bare != nil })
	if len(loads) > 0 {
		printTable(out, loads)
	}
	printBare(out, grades)
	printWaiting(out, grades)
	printWatched(out, grades)
}

// didYouMean names the check that has nearly these words in its name, or all checks.
func didYouMean(wanted string, names []string) string {
	if near := spelling.NearestSentence(wanted, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	var words []string
	for _, name := range names {
		words = append(words, strings.Fields(name)...)
	}
	if near := spelling.Nearest(wanted, words); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return "; there are: " + strings.Join(names, ", ") + "; and soak"
}

// choose is what the arguments ask for.
func choose(args []string) (chosen []check, err error) {
	const streams = 64
	if len(args) > 0 && args[0] == "soak" {
		n := 0
		if len(args) == 2 {
			n, err = strconv.Atoi(args[1])
		}
		if err != nil || n < streams {
			return nil, fmt.Errorf("say how many requests to soak it in, at least %d: vllmspec selfcheck soak 1000000", streams)
		}
		return []check{{Name: fmt.Sprintf("%d requests on %d streams", n, streams), Streams: streams, Tokens: 1, Loop: n / streams, Soak: true}}, nil
	}
	wanted := strings.Join(args, " ")
	for _, c := range checks() {
		if strings.Contains(c.Name, wanted) {
			chosen = append(chosen, c)
		}
	}
	if chosen == nil {
		var names []string
		for _, c := range checks() {
			names = append(names, c.Name)
		}
		return nil, fmt.Errorf("no check has %q in its name%s", wanted, didYouMean(wanted, names))
	}
	return chosen, nil
}

// printTable prints the loads that were brought to a server.
func printTable(out io.Writer, grades []grade) {
	fmt.Fprintf(out, "\n%s/%s, %d cores, Go %s. Times in µs, p50/p99; the server runs on the same machine.\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), strings.TrimPrefix(runtime.Version(), "go"))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "send lag\ttoken stamp\tread delay\tTTFT error\tmean\tITL error\tshared stamps\tdialled\tCPU/token\tCPU/request\tmemory\tper stream\t  load")
	for _, g := range grades {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%.0f\t%s\t%.1f %%\t%d\t%.1f\t%.0f\t%.0f MiB\t%.1f KiB\t  %s\n",
			g.Lag, g.Stamp, g.ReadDelay, g.TTFT, g.MeanTTFT, g.ITL, 100*g.Coalesced, g.Connected, g.CPUPerToken, g.CPUPerRequest, g.PeakMiB, g.PerStreamKiB, g.Check.Name)
	}
	table.Flush()
	fmt.Fprintln(out)
	for _, g := range grades {
		verdict := "a run like this stands"
		if len(g.Unsound) > 0 {
			verdict = "every verdict is unknown: " + strings.Join(g.Unsound, "; ")
		}
		fmt.Fprintf(out, "%s: %s\n", g.Check.Name, verdict)
	}
	fmt.Fprint(out, `
send lag       sent − due
token stamp    the stamp that counts − when the server wrote the token
read delay     the longest that a token of an answer lay in the kernel before it was read: what a clock of our own would have added
TTFT error     TTFT since sent, as measured − as it was, from when the request reached the server's system until its first token was written
mean           that of the TTFT errors, with their signs
ITL error      a gap between tokens as measured, against the same gap as written
shared stamps  tokens that came in one read with the one before
dialled        requests that found no open connection
memory         the most that was resident, with every record kept; per stream: that − what was resident before the load
`)
}

// keep stores the grades where runs are kept.
func keep(grades []grade) error {
	raw, err := json.MarshalIndent(grades, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join("reports", "out", "selfcheck.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return new(disk.Disk).Replace(path, append(raw, '\n'))
}
