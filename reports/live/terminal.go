package live

import (
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/reports"
)

// A Terminal shows how a run gets on, in one line that is written over and over where
// there is a terminal, and in a line now and then where there is none. It also writes
// the verdicts and the main figures.
type Terminal struct {
	out     io.Writer
	over    bool // a line can be written over
	colours bool
	width   func() int
	clean   func(string) string // the last look at a text; nil for none

	mu     sync.Mutex
	place  string        // of the scenario among all: "[3/14] ", or ""
	dirty  bool          // a line stands there
	told   time.Duration // of the run, when a plain line was last written
	passed float64       // share of it
}

// NewTerminal writes to out. It writes lines over where out is a terminal, unless
// environ, as os.Environ gives it, says that this is CI; it uses no colours where
// NO_COLOR is set (no-color.org) or the terminal is dumb.
func NewTerminal(out io.Writer, environ func(string) string) *Terminal {
	t := &Terminal{out: out, width: func() int { return 100 }}
	file, isFile := out.(*os.File)
	if of, ok := out.(interface{ File() *os.File }); ok && of.File() != nil {
		file, isFile = of.File(), true
	}
	if !isFile || !term.IsTerminal(int(file.Fd())) || environ("CI") != "" || environ("TERM") == "dumb" {
		return t
	}
	t.out = file // past what makes lines of text of it
	if cleaner, ok := out.(interface{ Clean(string) string }); ok {
		t.clean = cleaner.Clean
	}
	t.over, t.colours = true, environ("NO_COLOR") == ""
	t.width = func() int {
		if wide, _, err := term.GetSize(int(file.Fd())); err == nil && wide > 20 {
			return wide
		}
		return 80
	}
	return t
}

// plain is a text as one line that is nothing but text.
func (t *Terminal) plain(text string) string {
	if t.clean != nil {
		text = t.clean(text)
	}
	return plain.Line(text)
}

// Wants reports whether a line is to be written by now.
func (t *Terminal) Wants(p reports.Progress) Attention {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || t.due(p) {
		return Line
	}
	return Nothing
}

// due reports whether a run has got on so far that another plain line is due.
func (t *Terminal) due(p reports.Progress) bool {
	return p.Share >= t.passed+.1 || p.Now >= t.told+time.Minute
}

// Show writes how far the run has come; the line goes once it has ended.
func (t *Terminal) Show(v reports.View) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch p := v.Running; {
	case p == nil:
		t.wipe()
		t.told, t.passed = 0, 0
	case t.over:
		fmt.Fprint(t.out, "\r\x1b[K"+t.line(v))
		t.dirty = true
	case t.due(*p):
		t.told, t.passed = p.Now, math.Max(t.passed, math.Floor(p.Share*10)/10)
		fmt.Fprintf(t.out, "    %s%s\n", t.place, t.plain(says(v)))
	}
}

// wipe takes the line away.
func (t *Terminal) wipe() {
	if t.dirty {
		fmt.Fprint(t.out, "\r\x1b[K")
		t.dirty = false
	}
}

// Begin shows that a scenario begins, and its place among all: "[3/14]".
func (t *Terminal) Begin(place, scenario string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
	t.place = place + " "
	if !t.over {
		fmt.Fprintf(t.out, "%s%s\n", t.place, t.plain(scenario))
		return
	}
	fmt.Fprintf(t.out, "\r\x1b[K%s", cut(t.place+t.plain(scenario)+" …", t.width()-1))
	t.dirty = true
}

// Note writes a line.
func (t *Terminal) Note(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
	fmt.Fprintf(t.out, "    %s\n", t.plain(line))
}

// Link writes a line that leads to a file.
func (t *Terminal) Link(says, file string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
	t.link(says, file)
}

// link writes the address of a file: a terminal opens it where it is clicked (OSC 8, which others ignore).
func (t *Terminal) link(says, file string) {
	address := t.plain(fileURL(file))
	if t.over {
		address = "\x1b]8;;" + address + "\x1b\\" + address + "\x1b]8;;\x1b\\"
	}
	fmt.Fprintf(t.out, "    %s%s\n", says, address)
}

// fileURL is the address of a file that lies at an absolute path.
func fileURL(file string) string {
	path := filepath.ToSlash(file)
	if !strings.HasPrefix(path, "/") { // Windows: C:/…
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// Table writes the verdicts of what has ended, below its headline, then its main figures and where its page is: the
// same figures, with the same digits, as on that page.
func (t *Terminal) Table(of Ended) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
	fmt.Fprintf(t.out, "    %s\n", t.paint(of.Outcome, t.plain(of.Headline)))
	rows := make([][]string, len(of.Objectives))
	for i, o := range of.Objectives {
		rows[i] = []string{o.Name, strings.TrimSpace(o.Value + " " + o.Interval), o.Limit, "n = " + o.N}
	}
	t.verdicts(of.Objectives, rows)
	if of.Group != nil {
		t.figures(ofRuns(of.Group))
	} else {
		t.figures(ofRun(of.Figures))
	}
	if of.Report != "" {
		t.link("report: ", of.Report)
	}
}

// verdicts writes the rows of objectives: in columns, on a terminal too narrow for all of them without how many
// requests there were, and on one that is narrower still in two lines each.
func (t *Terminal) verdicts(of []reports.Objective, rows [][]string) {
	const before = len("      ? unknown")
	wide, needs := t.widths(rows), before
	for _, column := range wide {
		needs += 2 + column
	}
	cells, narrow := len(wide), false
	if t.over && needs > t.width() {
		cells--
		narrow = needs-2-wide[cells] > t.width()
	}
	for i, row := range rows {
		o := of[i].Outcome
		line := "      " + t.paint(o, sign(o)+" "+pad(string(o), 7))
		if narrow {
			fmt.Fprintf(t.out, "%s  %s\n%s  %s\n", line, row[0], strings.Repeat(" ", before), strings.Join(row[1:], ", "))
			continue
		}
		for k, cell := range row[:cells] {
			line += "  " + pad(cell, wide[k])
		}
		fmt.Fprintln(t.out, strings.TrimRight(line, " "))
	}
}

func pad(s string, wide int) string {
	return s + strings.Repeat(" ", max(0, wide-utf8.RuneCountInString(s)))
}

func sign(o slo.Outcome) string {
	switch o {
	case slo.Met:
		return "✓"
	case slo.Missed:
		return "✗"
	}
	return "?"
}

// paint colours a word as its outcome is.
func (t *Terminal) paint(o slo.Outcome, text string) string {
	colour, coloured := map[slo.Outcome]string{slo.Met: "32", slo.Missed: "31", slo.Unknown: "33"}[o]
	if !t.colours || !coloured {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
