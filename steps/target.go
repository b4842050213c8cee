package steps

import (
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/mockvllm"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
)

// targetSentences name the server under test.
func targetSentences() []entry {
	return []entry{
		{Pattern: `^the model "([^"]*)" is being served$`, Do: modelIsServed, Check: isProfiled,
			Doc: `Names the model; the environment decides which server serves it. A server that serves another model is an
				error, unless VLLM_MODEL asks for that model.`},
		{Pattern: `^a simulated server of "([^"]*)" on "([^"]*)"$`, Do: simulatedServer, Check: isSimulated, Simulates: true,
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

// isSimulated refuses a model, or hardware, that the mock does not know.
func isSimulated(args []string, _ bool) error {
	_, err := mockvllm.ProfileFor(args[0], args[1])
	return err
}

func simulatedServer(on *experiment.Target, model, gpu string) error {
	on.Model, on.GPU, on.Simulated = model, gpu, true
	return nil
}

func servesAdapter(on *experiment.Target, name string) error {
	on.Adapters = append(on.Adapters, mockvllm.Adapter{Name: name, Path: "/adapters/" + name})
	return onlySimulated(on)
}

func canHold(on *experiment.Target, sequences, blocks string) (err error) {
	if err := onlySimulated(on); err != nil {
		return err
	}
	if on.Sequences, err = amount.Count(sequences, "sequences", 1); err != nil {
		return err
	}
	on.Cache, err = amount.Count(blocks, "cache blocks", 2)
	return err
}

var errNotSimulated = errors.New(`this sentence needs a simulated server: begin with: Given a simulated server of "llama-3.1-8b" on "one H100"`)

// onlySimulated refuses a sentence about a simulated server where the scenario has none.
func onlySimulated(on *experiment.Target) error {
	if !on.Simulated {
		return errNotSimulated
	}
	return nil
}
