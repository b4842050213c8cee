package command_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/internal/command"
)

// table has a command of each kind.
func table() command.Table {
	return command.Table{
		{Name: "report", Does: "draws pages", Usage: "RUN… [--json]", Example: "vllmspec report run=x", Run: func(call *command.Call) error {
			flags := call.Flags()
			flags.String("to", "", "the `file`")
			json := flags.Bool("json", false, "as JSON")
			most := flags.Int("most", 8, "so `many` at most")
			others, err := flags.Read()
			if err != nil {
				return err
			}
			fmt.Fprintln(call.Out, *json, *most, strings.Join(others, " "))
			return nil
		}},
		{Name: "fail", Run: func(*command.Call) error { return errors.New("the disk is full") }},
		{Name: "shown", Run: func(*command.Call) error { return fmt.Errorf("%w", command.ErrShown) }},
		{Name: "both", Run: func(*command.Call) error { return errors.Join(command.ErrShown, errors.New("the disk is full")) }},
		{Name: "wrong", Run: func(*command.Call) error { return command.Mistakef("there is no file %s", "x\x1b[31m") }},
	}
}

func run(args ...string) (code int, out, complaints string) {
	var o, e bytes.Buffer
	code = table().Run(command.Call{Args: args, Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestTable_exitCodes(t *testing.T) {
	for _, c := range []struct {
		args                  string
		code                  int
		out, complaints, none string
	}{
		{"report a --json b", command.OK, "true 8 a b\n", "", ""},
		{"report --json=false -most 3 -- --json", command.OK, "false 3 --json\n", "", ""},
		{"report --jsn", command.Wrong, "", "vllmspec report: there is no flag --jsn; did you mean --json?\n", ""},
		{"report --something", command.Wrong, "", "vllmspec report: there is no flag --something; -h lists them\n", ""},
		{"report --most", command.Wrong, "", "vllmspec report: --most has no value\n", ""},
		{"report --most x", command.Wrong, "", `vllmspec report: invalid value "x" for flag -most`, ""},
		{"report --to= a", command.Wrong, "", "vllmspec report: --to is given and empty, as a variable that is not set leaves it", ""},
		{"report --help", command.OK, "vllmspec report draws pages.\n\nusage: vllmspec report RUN… [--json]\n\nexample:\n  vllmspec report run=x\n\nflags:\n  --json              as JSON\n  --most many         so many at most (default 8)\n  --to file           the file\n", "", ""},
		{"help report", command.OK, "usage: vllmspec report", "", ""},
		{"help help", command.OK, "  report     draws pages\n", "", ""},
		{"help --help", command.OK, "  report     draws pages\n", "", ""},
		{"help", command.OK, "  report     draws pages\n", "", ""},
		{"-h", command.OK, "  report     draws pages\n", "", ""},
		{"", command.Wrong, "", "usage: vllmspec COMMAND", ""},
		{"reprot", command.Wrong, "", "vllmspec has no command \"reprot\"; did you mean \"report\"?\n", ""},
		{"xyzzyx", command.Wrong, "", "known: report, fail, shown, both, wrong, help", ""},
		{"fail", command.Failed, "", "vllmspec fail: the disk is full\n", ""},
		{"shown", command.Failed, "", "", ""},
		{"both", command.Failed, "", "vllmspec both: the disk is full\n", command.ErrShown.Error()},
		{"wrong", command.Wrong, "", "vllmspec wrong: there is no file x", "\x1b"},
	} {
		code, out, complaints := run(strings.Fields(c.args)...)
		assert.Equal(t, c.code, code, c.args)
		assert.Contains(t, out, c.out, c.args)
		assert.Contains(t, complaints, c.complaints, c.args)
		if c.out == "" {
			assert.Empty(t, out, c.args)
		}
		if c.complaints == "" {
			assert.Empty(t, complaints, c.args)
		}
		if c.none != "" {
			assert.NotContains(t, complaints, c.none, c.args)
		}
	}
}

func TestCall_pathsCountFromItsFolder(t *testing.T) {
	call := command.Call{Dir: "/home/me", Out: io.Discard}
	assert.Equal(t, "/home/me/slo", call.Path("slo"))
	assert.Equal(t, "/slo", call.Path("/slo"))
	assert.Empty(t, call.Path(""))
}
