//go:build linux

package vllmspec

import (
	"fmt"
	"os/exec"
	"slices"
	"syscall"
)

// The stages in which a cell is ended. The server shows that the first four are reached, the tests
// themselves the others.
const (
	stageStart      = "start"
	stagePreflight  = "preflight"
	stageMetrics    = "metrics"
	stageLoad       = "load"
	stageJudging    = "judging"
	stageWriting    = "writing"
	stagePublishing = "publishing"
	stageKey        = "key" // a command that prints it hangs; there is no server yet
)

// The ways in which a server comes to be there.
const (
	wayPlain     = "a command"                               // VLLM_COMMAND
	wayFamily    = "a command with a family"                 // it ignores SIGTERM, and has children in sessions of their own
	wayFrozen    = "a command with a family that is stopped" // the same, with SIGSTOP when the stage is reached
	wayOthers    = "a URL of a server of others"             // which must be left alone
	wayContainer = "a container"                             // VLLM_IMAGE, where there is an engine
)

// A blow is what ends a cell.
type blow struct {
	name   string
	strike func(*cellRun)
	says   string // the reason that is given; "": the process does not live to give one
	viaGo  bool   // between the test and the victim is a process as go is
	second bool   // two signals: at once is faster than in order
}

func blows() []blow {
	toVictim := func(signals ...syscall.Signal) func(*cellRun) {
		return func(c *cellRun) {
			for _, s := range signals {
				_ = syscall.Kill(c.victim, s)
			}
		}
	}
	toGo := func(s syscall.Signal) func(*cellRun) { return func(c *cellRun) { _ = c.cmd.Process.Signal(s) } }
	return []blow{
		{name: "SIGINT", strike: toVictim(syscall.SIGINT), says: "interrupted by Ctrl-C (SIGINT)"},
		{name: "SIGTERM", strike: toVictim(syscall.SIGTERM), says: "interrupted by SIGTERM"},
		{name: "SIGHUP", strike: toVictim(syscall.SIGHUP), says: "interrupted by SIGHUP"},
		{name: "SIGTERM to the process group", strike: func(c *cellRun) { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGTERM) }, says: "interrupted by SIGTERM"},
		{name: "SIGTERM to go alone", strike: toGo(syscall.SIGTERM), says: "interrupted by the end of the go test", viaGo: true},
		{name: "SIGKILL to go alone", strike: toGo(syscall.SIGKILL), says: "interrupted by the end of the go test", viaGo: true},
		{name: "SIGINT and SIGTERM", strike: toVictim(syscall.SIGINT, syscall.SIGTERM), second: true},
		{name: "SIGQUIT", strike: toVictim(syscall.SIGQUIT)},
		{name: "SIGKILL", strike: toVictim(syscall.SIGKILL)},
		{name: "panic", strike: func(c *cellRun) { fmt.Fprintln(c.toVictim, "panic") }},
	}
}

// timeout is go test's own end, which comes without anybody's doing.
var timeout = blow{name: "-timeout", strike: func(*cellRun) {}, says: "interrupted by go test's -timeout"}

// A cell is one way to end a run.
type cell struct {
	blow  blow
	stage string
	way   string
}

func (c cell) String() string { return c.blow.name + " in " + c.stage + " of " + c.way }

// endsCells are every blow in every stage, with the ways in turn, so that each meets each of the
// others; before that go test's own end, which takes longest, and after it what is about one stage
// only, and containers where there is an engine.
func endsCells() (all []cell) {
	stages := []string{stageStart, stagePreflight, stageMetrics, stageLoad, stageJudging, stageWriting}
	ways := []string{wayPlain, wayFamily, wayFrozen, wayOthers}
	for i, stage := range []string{stageStart, stageMetrics, stageLoad} {
		all = append(all, cell{timeout, stage, ways[i%3]})
	}
	for i, b := range blows() {
		for j, stage := range stages {
			way := ways[(i+j)%len(ways)]
			if stage == stageStart && way == wayOthers {
				way = wayFamily // others' servers are not started
			}
			all = append(all, cell{b, stage, way})
		}
	}
	for i, b := range []int{0, 4, 8} {
		all = append(all, cell{blows()[b], stagePublishing, []string{wayPlain, wayOthers, wayPlain}[i]})
	}
	for _, b := range []int{1, 6, 8} {
		all = append(all, cell{blows()[b], stageKey, wayOthers})
	}
	if exec.Command("docker", "image", "inspect", "vllmspec/mockvllm").Run() != nil {
		return all
	}
	for i, b := range blows() {
		if b.viaGo || b.second || b.name == "panic" || slices.Contains([]string{"SIGTERM", "SIGKILL"}, b.name) {
			all = append(all, cell{b, []string{stageStart, stageLoad}[i%2], wayContainer})
		}
	}
	return all
}

// survives reports whether the process lives long enough to store what it has.
func (c cell) survives() bool { return c.blow.says != "" && c.stage != stageJudging }

// measures reports whether something was measured before the cell is ended.
func (c cell) measures() bool {
	return !slices.Contains([]string{stageStart, stageKey, stagePreflight}, c.stage)
}

// feature is what the victim runs: a load that goes on until the cell is ended, or one that is over
// soon, where the end comes after it.
func (c cell) feature() string {
	arrive, requests := "requests arrive evenly at 50 per second", "5,000 requests"
	if slices.Contains([]string{stageJudging, stageWriting, stagePublishing}, c.stage) {
		requests = "30 requests"
	}
	if c.blow.name == timeout.name { // a load whose length is not known, and so not refused
		arrive = "4 users ask with a think time of 50 milliseconds"
	}
	return `Feature: Ends
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 16 tokens are answered in 4 tokens
    And ` + arrive + `
    And answers are awaited for at most 1 second after the load
    When the load runs for ` + requests + `
    Then these objectives are met:
      | requests        | at least 1         |
      | p50 E2E latency | at most 10 minutes |
`
}
