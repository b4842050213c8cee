package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// Flags are those of a subcommand. They are the standard library's, which may stand before and
// behind other arguments here, and of which a slip is answered with the nearest.
type Flags struct {
	*flag.FlagSet
	call *Call // nil: of no command
}

// NewFlags are none yet.
func NewFlags(name string) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError)}
	f.SetOutput(io.Discard) // errors are returned
	f.Usage = func() {}
	return f
}

// Flags are those of the command that is called: none yet.
func (c *Call) Flags() *Flags {
	f := NewFlags(c.of.Name)
	f.call = c
	return f
}

// Read takes the arguments of the call apart: flags are set, and the others returned. Where help is
// asked for it is printed, and the error ends the command.
func (f *Flags) Read() (others []string, err error) {
	if others, err = f.Split(f.call.Args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(f.call.Out, f.help())
	}
	if err != nil {
		return nil, err
	}
	return others, f.empty()
}

// empty is the error of a flag that was given without a value, as a variable of a shell that is not set leaves it.
// What it would fall back on, such as the mock, is not what was asked for.
func (f *Flags) empty() (err error) {
	f.Visit(func(of *flag.Flag) {
		if err == nil && of.Value.String() == "" {
			err = Mistakef("--%s is given and empty, as a variable that is not set leaves it: give it a value, or leave the flag out", of.Name)
		}
	})
	return err
}

// Split sets the flags among the arguments, and returns the others. Behind "--" nothing is a flag. The error is
// flag.ErrHelp where help is asked for.
func (f *Flags) Split(args []string) (others []string, err error) {
	for len(args) > 0 {
		word := args[0]
		if word == "--" {
			return append(others, args[1:]...), nil
		}
		if word == "-" || !strings.HasPrefix(word, "-") {
			others, args = append(others, word), args[1:]
			continue
		}
		name, _, valued := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
		of, takes := f.Lookup(name), 1
		switch {
		case of == nil && (name == "h" || name == "help"):
			return nil, flag.ErrHelp
		case of == nil:
			return nil, Mistakef("there is no flag %s%s", plain.Line(word), f.meant(name))
		case !valued && !isBool(of):
			if takes = 2; len(args) < takes {
				return nil, Mistakef("--%s has no value", name)
			}
		}
		if err := f.Parse(args[:takes]); err != nil {
			return nil, &Mistake{err}
		}
		args = args[takes:]
	}
	return others, nil
}

func isBool(of *flag.Flag) bool {
	b, ok := of.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// meant is what a slip was to be.
func (f *Flags) meant(name string) string {
	var known []string
	f.VisitAll(func(of *flag.Flag) { known = append(known, of.Name) })
	if near := spelling.Nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean --%s?", near)
	}
	return "; -h lists them"
}

// help is what a command does, how it is called, an example and the flags.
func (f *Flags) help() string {
	var out strings.Builder
	of := f.call.of
	fmt.Fprintf(&out, "vllmspec %s %s.\n\nusage: vllmspec %s\n\nexample:\n", of.Name, of.Does, strings.TrimSpace(of.Name+" "+of.Usage))
	for line := range strings.SplitSeq(strings.TrimSpace(of.Example), "\n") {
		fmt.Fprintf(&out, "  %s\n", strings.TrimSpace(line))
	}
	some := false
	f.VisitAll(func(of *flag.Flag) {
		if !some {
			fmt.Fprint(&out, "\nflags:\n")
		}
		some = true
		name, about := flag.UnquoteUsage(of)
		head := strings.TrimSpace("--" + of.Name + " " + name)
		if of.DefValue != "" && of.DefValue != "false" && of.DefValue != "0" && of.DefValue != "0s" {
			about += " (default " + of.DefValue + ")"
		}
		PrintFlag(&out, head, about)
	})
	return out.String()
}

// PrintFlag explains a flag in the lines of a help.
func PrintFlag(out io.Writer, head, about string) {
	if len(head) > column-4 {
		head += "\n" + strings.Repeat(" ", column-1)
	}
	fmt.Fprintf(out, "  %-*s %s\n", column-3, head, strings.Join(wrapped(about, columns-column), "\n"+strings.Repeat(" ", column)))
}

// A terminal has so many columns at least; flags are explained in the column given.
const (
	columns = 80
	column  = 22
)

// wrapped are the lines of a text of this width.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}
