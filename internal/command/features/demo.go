package features

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/open"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/environment"
)

// DemoCommand shows a server that freezes while one watches.
func DemoCommand() command.Command {
	return command.Command{Name: "demo", Usage: "[flags]", Run: demo,
		Does:    "shows a server that freezes, live, in half a minute",
		Example: "vllmspec demo"}
}

// demonstration is what the demo runs.
const demonstration = `Feature: A server that stands still while you watch
  Scenario: A chat server freezes for 6 seconds
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it freezes for 6 seconds after 14 seconds
    And prompts of 256 ± 64 tokens are answered in 48 ± 16 tokens
    And the prefix cache is cold
    And requests arrive as a Poisson process at 10 per second
    And the first 3 seconds are warm-up
    When the load runs for 27 seconds
    Then these objectives are met:
      | p95 TTFT   | at most 300 ms |
      | error rate | at most 0.1%   |
`

func demo(call *command.Call) error {
	flags := call.Flags()
	out := flags.String("out", "", "`folder` for the results (VLLMSPEC_OUT; reports/out)")
	quiet := flags.Bool("no-browser", false, "open no browser")
	others, err := flags.Read()
	if err != nil {
		return err
	}
	if others != nil {
		return command.Mistakef("it takes no arguments, and %q is one; vllmspec test runs features", others[0])
	}
	folder := open.Folder(call, *out)
	path, system := filepath.Join(folder, "demo.feature"), new(disk.Disk)
	if err := system.MakeAll(folder); err != nil {
		return err
	}
	if err := system.Replace(path, []byte(demonstration)); err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	fmt.Fprintf(call.Out, "A mock of vLLM gets 27 seconds of load, in real time over TCP.\nAfter 14 seconds its engine freezes for 6 seconds. Watch it:\nhttp://%s\n\n", address)
	if !*quiet {
		go showOnceThere(call.Environ, address)
	}
	shows, before := settings{}, latest(folder)
	err = shows.run(call, environment.Place{Root: environment.Module(call.Dir), Dir: call.Dir}, demoEnviron(call.Environ, folder, path, address))
	return concluded(call, folder, before, err, *quiet)
}

// demoEnviron is an environment that names no server, with what the demo needs.
func demoEnviron(environ []string, out, feature, address string) (all []string) {
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "VLLM") && !strings.HasPrefix(entry, "DCGM_") && !strings.HasPrefix(entry, "GODOG_") && !strings.HasPrefix(entry, "GITHUB_") {
			all = append(all, entry)
		}
	}
	return append(all, "VLLMSPEC_TARGET=mock", "VLLMSPEC_OUT="+out, "VLLMSPEC_FEATURES="+feature, "VLLMSPEC_DASHBOARD="+address)
}

// latest is the report of the newest run in a folder; "" for none.
func latest(folder string) string {
	report, err := open.Latest(folder)
	if err != nil {
		return ""
	}
	return report
}

// concluded says what the demo has shown. That the objective is missed is what it is to show. Where the newest report is
// the one that was the newest before, the demo has stored none.
func concluded(call *command.Call, out, before string, err error, quiet bool) error {
	report := latest(out)
	if report == "" || report == before {
		return err
	}
	_, raw, wrong := store.ReadManifest(filepath.Dir(report))
	var verdicts []slo.Verdict
	if wrong != nil || json.Unmarshal(raw, &verdicts) != nil || len(verdicts) == 0 || verdicts[0].Outcome != slo.Missed {
		return err
	}
	fmt.Fprintf(call.Out, "\nA test fails for that: the objective was missed, and the report says why.\n%s\nNext: vllmspec init writes a feature of your own.\n", report)
	if !quiet {
		open.Show(call.Environ, report)
	}
	return nil
}

// freeAddress is where the live page can be shown: the usual address, or else any port of this machine.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:7878")
	if err != nil {
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", err
		}
	}
	return listener.Addr().String(), listener.Close()
}

// showOnceThere opens the live page as soon as its address answers.
func showOnceThere(environ []string, address string) {
	for range 200 {
		if connection, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			connection.Close()
			open.Show(environ, "http://"+address)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
