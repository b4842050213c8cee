package metric

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// What the run as a whole has one figure of.
func ofTheRun() []Metric {
	figure := []string{""}
	return []Metric{
		{Name: NameRequests, Unit: quantity.Count, Source: Total{Of: Due},
			Formula: "requests due in the measured window"},
		{Name: "request rate", Unit: quantity.PerSecond, Source: Total{Of: Due, PerSecond: true}, Curve: figure,
			Formula: "requests due ÷ length of the measured window"},
		{Name: NameRequestThroughput, Unit: quantity.PerSecond, Better: HigherIsBetter, Source: Total{Of: Ended, PerSecond: true}, Curve: figure,
			Formula: "answers that ended whole inside the measured window ÷ its length"},
		{Name: NameOutputThroughput, Unit: quantity.TokensPerSecond, Better: HigherIsBetter, Source: Total{Of: OutputTokens, PerSecond: true}, Curve: figure, History: figure,
			Formula: "output tokens that arrived inside the measured window, without those of requests that failed ÷ its length"},
		{Name: NameInputThroughput, Unit: quantity.PerSecond, Better: HigherIsBetter, Source: Total{Of: Inputs, PerSecond: true}, Curve: figure, History: figure,
			Formula: "inputs of answers that ended whole inside the measured window ÷ its length"},
		{Name: NameAudioThroughput, Unit: quantity.SecondsPerSecond, Better: HigherIsBetter, Source: Total{Of: ClipSeconds, PerSecond: true}, Curve: figure, History: figure,
			Formula: "seconds of the clips whose transcripts ended whole inside the measured window ÷ its length: how many clips that play at once the server keeps up with"},
		{Name: "prompt token throughput", Unit: quantity.TokensPerSecond, Better: HigherIsBetter, Source: Total{Of: PromptTokens, PerSecond: true}, Curve: figure,
			Formula: "prompt tokens of answers that ended whole inside the measured window, as the server counted them ÷ its length"},
		{Name: NameErrorRate, Unit: quantity.Ratio, Better: LowerIsBetter, Source: ErrorRate{}, Curve: figure,
			Formula: "failed ÷ due; what users gave up is no error, and what we stopped waiting for is left out, or leaves it open; a fact about this run"},
		{Name: NameAttainment, Unit: quantity.Ratio, Better: HigherIsBetter, Source: Attainment{}, Curve: figure,
			Formula: "good ÷ due, with the interval of Clopper and Pearson"},
		{Name: NameGoodput, Unit: quantity.PerSecond, Better: HigherIsBetter, Source: Attainment{PerSecond: true}, Curve: figure, History: figure,
			Formula: "attainment × request rate"},
		{Name: "valid answers", Unit: quantity.Ratio, Better: HigherIsBetter, Source: ValidAnswers{},
			Formula: "whole answers in which no check found anything ÷ those that were checked, with the interval of Clopper and Pearson"},
		{Name: NameCoalesced, Unit: quantity.Ratio, Better: LowerIsBetter, Source: Coalesced{},
			Formula: "chunks that came in one read with the one before, and share its stamp ÷ all chunks"},
		{Name: NameConcurrency, Unit: quantity.Count, Source: Concurrency{}, Curve: []string{"mean"},
			Formula: "requests in flight, from sent to the end of the answer, over the measured window"},
		{Name: "backlog", Unit: quantity.Count, Better: LowerIsBetter, Source: Gauge{Feed: Client, Series: harness.SeriesUnanswered, Absent: "the client's own gauges were not read"},
			Formula: "requests that are due and not answered yet, those that wait for a slot included, every second"},
	}
}

// The energy that the server's GPUs took, by their own counters.
func ofEnergy() []Metric {
	of := func(name string, per Amount, formula string) Metric {
		return Metric{Name: name, Unit: quantity.Joules, Better: LowerIsBetter, Source: Energy{Per: per}, Formula: formula}
	}
	return []Metric{
		of("GPU energy", 0, "energy that the server's GPUs took in the measured window, by their own counters; without the rest of the machine"),
		of("energy per output token", OutputTokens, "GPU energy ÷ output tokens that arrived inside the measured window"),
		of("energy per good request", Good, "GPU energy ÷ good requests that were due in the measured window"),
	}
}
