// Package target is the sentences that name the server under test, and that give the simulated one what it lacks, and
// its faults.
package target

import (
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/mockvllm"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// Sentences name the server under test.
func Sentences[W any]() []sentence.Entry[W] {
	return []sentence.Entry[W]{
		{Pattern: `^the model "([^"]*)" is being served$`, Do: modelIsServed, Check: isProfiled,
			Doc: `Names the model; the environment decides which server serves it. A server that serves another model is an
				error, unless VLLM_MODEL asks for that model.`},
		{Pattern: `^a simulated server of "([^"]*)" on "([^"]*)"$`, Do: simulatedServer, Check: IsSimulated, Simulates: true,
			Doc: `Measures the mock of a model on this hardware, whatever the environment says.`},
		{Pattern: `^it serves the adapter "([^"]*)"$`, Do: servesAdapter,
			Doc: `Gives the simulated server a LoRA adapter, which is requested as a model of its own.`},
		{Pattern: `^it can hold (\S+) sequences and (\S+) cache blocks$`, Do: canHold,
			Doc: `Bounds the simulated server: sequences in a batch, and blocks of 16 tokens in the KV cache.`},
	}
}

func modelIsServed(on *experiment.Target, model string) error {
	on.Model = model
	return nil
}

// isProfiled refuses a model that the mock does not know, where the mock is measured.
func isProfiled(args []string, onMock bool) error {
	if !onMock {
		return nil
	}
	if _, err := mockvllm.ProfileFor(args[0], ""); err != nil {
		return fmt.Errorf("%w; set VLLM_URL to measure a server that serves it", err)
	}
	return nil
}

// IsSimulated refuses a model, or hardware, that the mock does not know.
func IsSimulated(args []string, _ bool) error {
	_, err := mockvllm.ProfileFor(args[0], args[1])
	return err
}

func simulatedServer(on *experiment.Target, model, gpu string) error {
	on.Model, on.GPU, on.Simulated = model, gpu, true
	return nil
}

func servesAdapter(on *experiment.Target, name string) error {
	on.Adapters = append(on.Adapters, mockvllm.Adapter{Name: name, Path: "/adapters/" + name})
	return OnlySimulated(on)
}

func canHold(on *experiment.Target, sequences, blocks string) (err error) {
	if err := OnlySimulated(on); err != nil {
		return err
	}
	if on.Sequences, err = amount.Count(sequences, "sequences", 1); err != nil {
		return err
	}
	on.Cache, err = amount.Count(blocks, "cache blocks", 2)
	return err
}

// ErrNotSimulated is the error of a sentence about a simulated server where the scenario has none.
var ErrNotSimulated = errors.New(`this sentence needs a simulated server: begin with: Given a simulated server of "llama-3.1-8b" on "one H100"`)

// OnlySimulated refuses a sentence about a simulated server where the scenario has none: with [ErrNotSimulated].
func OnlySimulated(on *experiment.Target) error {
	if !on.Simulated {
		return ErrNotSimulated
	}
	return nil
}
