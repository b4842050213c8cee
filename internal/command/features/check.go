package features

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
)

// CheckCommand says what is known of features before any load.
func CheckCommand() command.Command {
	return command.Command{Name: "check", Usage: "[FEATURE…] [flags]", Run: check,
		Does: "finds mistakes before a load, and says how long that takes",
		Example: `vllmspec check slo
			vllmspec check --url http://127.0.0.1:8000    # and asks for its context`}
}

func check(call *command.Call) error {
	flags := call.Flags()
	s := newSettings(flags)
	names, err := flags.Read()
	if err != nil {
		return err
	}
	chosen, err := s.chosen()
	if err != nil {
		return err
	}
	place, environ, err := named(call, s.environ(call), names)
	if err != nil {
		return err
	}
	env, mistakes := environment.ReadAt(place, environ)
	if mistakes != nil {
		return &command.Mistake{Err: fmt.Errorf("the environment: %w", mistakes)}
	}
	c := checked{Inspection: suite.Inspect(env, chosen, func(line string) { fmt.Fprintln(call.Out, line) }), env: env, call: call}
	if env.URLs != nil {
		if c.model, c.context, err = suite.Served(context.Background(), env); err != nil {
			return errors.Join(c.print(), err) // the mistakes that are known without the server
		}
		fmt.Fprintf(call.Out, "the server serves %s\n", c.model)
	}
	if err := c.print(); err != nil {
		return err
	}
	c.conclude()
	return nil
}

// A checked set of features is what they say, held against what is known of the server.
type checked struct {
	suite.Inspection
	env     environment.Environment
	call    *command.Call
	model   string // that the server serves; "": none was asked
	context int    // of the server's model, in tokens; 0: not known

	right int           // so many scenarios can run
	live  time.Duration // that they load a server
}

// print says of each scenario what it will do, and returns all mistakes together.
func (c *checked) print() error {
	mistakes := []error{c.Err}
	for _, note := range c.Notes {
		fmt.Fprintln(c.call.Out, note)
	}
	for _, of := range c.Planned {
		if of.Err != nil {
			mistakes = append(mistakes, of.Err)
			continue
		}
		c.right++
		o := c.outlook(of)
		fmt.Fprintf(c.call.Out, "%s %s\n", of.Where, of.Scenario)
		for _, line := range o.lines {
			fmt.Fprintf(c.call.Out, "  %s\n", line)
		}
		if o.mistake != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", of.Where, o.mistake))
		}
		if !of.Virtual {
			c.live += o.lasts
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return &command.Mistake{Err: err}
	}
	return nil
}

// conclude says that all can run, and how long that takes.
func (c *checked) conclude() {
	line := fmt.Sprintf("\n%s can run", quantity.Counted(c.right, "scenario"))
	if c.live > 0 {
		line += fmt.Sprintf("; the loads take %s in all, so give go test -timeout %.0fm", quantity.Roughly(c.live.Seconds()), withRoom(c.live).Minutes())
	}
	fmt.Fprintln(c.call.Out, line+".")
}

// withRoom is a limit of time for loads, with room for servers that start, and for answers that are awaited.
func withRoom(loads time.Duration) time.Duration {
	const room = 10 * time.Minute
	minutes := math.Ceil((loads+loads/4+room).Minutes()/5) * 5
	return time.Duration(minutes) * time.Minute
}

// outlook is what is expected of one scenario.
func (c checked) outlook(of suite.Planned) outlook {
	o := newOutlook(of)
	o.fits(c.contextOf(of))
	for _, line := range slo.Outlook(of.Plan.Scenario, max(1, o.runs)) {
		o.say("warning: " + line)
	}
	return o
}

// contextOf is how many tokens fit into the context of the server that a scenario will measure; 0: not known.
func (c checked) contextOf(of suite.Planned) int {
	if !of.Virtual && !of.Plan.Target.Simulated && !c.env.RealTime {
		return c.context
	}
	return contextOfMock(of.Plan.Target)
}

// joined are the parts of a line.
func joined(parts ...string) string { return strings.Join(parts, ", ") }
