package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A Command is one subcommand.
type Command struct {
	Name    string
	Does    string // in one line
	Usage   string // what follows its name
	Example string // lines of a shell
	Bubbles bool   // it may run features in virtual time, and needs [Call.Bubble]
	Run     func(*Call) error
}

// A Call is one use of a subcommand.
type Call struct {
	Args     []string // after the name of the subcommand
	Dir      string   // working directory
	Environ  []string // as os.Environ gives it
	Out, Err io.Writer

	// Bubble runs a function in a bubble of virtual time, and waits for it.
	Bubble func(func())

	of *Command
}

// Path is a path that the user gave, as it counts from the working directory.
func (c *Call) Path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.Dir, name)
}

// Variable is a variable of the environment; "" where it is not set.
func (c *Call) Variable(name string) (value string) {
	for _, entry := range c.Environ {
		if v, found := strings.CutPrefix(entry, name+"="); found {
			value = v // of several the last one counts
		}
	}
	return value
}

// Exit codes. They are the same for all subcommands.
const (
	OK     = 0 // done; every objective is met
	Failed = 1 // an objective is missed or unknown, or something else went wrong
	Wrong  = 2 // bad input: nothing was measured
)

// A Mistake is bad input: a flag, a file, a sentence.
type Mistake struct{ Err error }

// Error says what is wrong, and what would be right.
func (m *Mistake) Error() string { return m.Err.Error() }

// Unwrap is what is wrong.
func (m *Mistake) Unwrap() error { return m.Err }

// Mistakef is a [Mistake], written as fmt.Errorf writes it.
func Mistakef(format string, args ...any) error { return &Mistake{fmt.Errorf(format, args...)} }

// ErrShown is the error of a command that failed and has said why.
var ErrShown = errors.New("it failed, as is shown above")

// A Table is the subcommands of a program, in the order of its help.
type Table []Command

// Find is the subcommand of a name; nil where there is none.
func (t Table) Find(name string) *Command {
	for i := range t {
		if t[i].Name == name {
			return &t[i]
		}
	}
	return nil
}

// Run runs the subcommand that the arguments name, and returns the exit code.
func (t Table) Run(call Call) int {
	if len(call.Args) == 0 {
		t.list(call.Err)
		return Wrong
	}
	name, rest := call.Args[0], call.Args[1:]
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-v", "-version", "--version":
		name = "version"
	}
	if name == "help" {
		return t.help(call, rest)
	}
	of := t.Find(name)
	if of == nil {
		fmt.Fprintf(call.Err, "vllmspec has no command %q%s\n", plain.Line(name), spelling.DidYouMean(name, t.names()))
		return Wrong
	}
	call.Args, call.of = rest, of
	return call.end(of.Run(&call))
}

// end shows the error of a command, and gives its exit code.
func (c *Call) end(err error) int {
	mistake := (*Mistake)(nil)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return OK
	case errors.Is(err, ErrShown):
		if err = besides(err); err != nil {
			fmt.Fprintf(c.Err, "vllmspec %s: %s\n", c.of.Name, plain.Lines(err.Error()))
		}
		return Failed
	}
	fmt.Fprintf(c.Err, "vllmspec %s: %s\n", c.of.Name, plain.Lines(err.Error()))
	if errors.As(err, &mistake) {
		return Wrong
	}
	return Failed
}

// besides is what an error says besides what was shown; nil for nothing.
func besides(err error) error {
	if !errors.Is(err, ErrShown) {
		return err
	}
	joined, is := err.(interface{ Unwrap() []error })
	if !is {
		return nil
	}
	var rest []error
	for _, one := range joined.Unwrap() {
		rest = append(rest, besides(one))
	}
	return errors.Join(rest...)
}

// help prints the list of commands, or the help of one.
func (t Table) help(call Call, args []string) int {
	if len(args) == 0 || args[0] == "help" || strings.HasPrefix(args[0], "-") {
		t.list(call.Out)
		return OK
	}
	call.Args = []string{args[0], "-h"}
	return t.Run(call)
}

func (t Table) names() (all []string) {
	for _, c := range t {
		all = append(all, c.Name)
	}
	return append(all, "help")
}

// list prints what commands there are.
func (t Table) list(w io.Writer) {
	fmt.Fprint(w, "vllmspec runs plain-English SLOs against vLLM servers.\n\nusage: vllmspec COMMAND [arguments]\n\n")
	for _, c := range t {
		fmt.Fprintf(w, "  %-10s %s\n", c.Name, c.Does)
	}
	fmt.Fprintf(w, "  %-10s %s\n", "help", "prints this list, or with a command what that takes")
	fmt.Fprint(w, `
vllmspec COMMAND -h shows an example and the flags.

exit codes: 0  done; every objective is met
            1  an objective is missed or unknown, or something failed
            2  bad input: nothing was measured
`)
}
