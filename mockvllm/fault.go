package mockvllm

import "github.com/vllmspec/vllmspec/mockvllm/internal/faults"

// A Fault is something that the server does wrong on purpose: its Kind says what, Share, First,
// Every, Model, Header and Path to which requests, From and For when, and Status, After, Delay,
// Factor, Blocks and Tokens how much. Which requests a Share hits is drawn from the seed and the
// request itself, not from the order in which requests come. [ParseFault] reads one from a line.
type Fault = faults.Fault

// A Kind is what goes wrong.
type Kind = faults.Kind

// A Failing describes one kind of fault for the reader.
type Failing = faults.Failing

// What can go wrong with single requests.
const (
	Refuse      = faults.Refuse
	Reset       = faults.Reset
	Hang        = faults.Hang
	SlowHeaders = faults.SlowHeaders
	Delay       = faults.Delay
	FrontEnd    = faults.FrontEnd
	Fail        = faults.Fail
	Cut         = faults.Cut
	Tear        = faults.Tear
	ErrorEvent  = faults.ErrorEvent
	Stall       = faults.Stall
	Garble      = faults.Garble
	Loop        = faults.Loop
	Split       = faults.Split
	Bundle      = faults.Bundle
	NoUsage     = faults.NoUsage
	WrongUsage  = faults.WrongUsage
	Uncounted   = faults.Uncounted
	Recounted   = faults.Recounted
)

// What can go wrong for all.
const (
	Freeze         = faults.Freeze
	Slow           = faults.Slow
	Shrink         = faults.Shrink
	Dead           = faults.Dead
	Cold           = faults.Cold
	MetricsMissing = faults.MetricsMissing
	MetricsSlow    = faults.MetricsSlow
	MetricsStale   = faults.MetricsStale
	MetricsReset   = faults.MetricsReset
)

// Failings are all kinds of faults.
func Failings() []Failing { return faults.Failings() }

// ParseFault reads a fault as its String method writes it: its kind, then what it
// needs to know: status status=503 share=5% from=10s for=30s.
func ParseFault(s string) (Fault, error) { return faults.Parse(s) }
