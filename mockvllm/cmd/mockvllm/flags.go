package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// options are what the command line says. Flags that vLLM has too are named and
// meant as there, so that the mock takes the place of `vllm serve` as it stands.
type options struct {
	host string
	port int
	list bool

	model, gpu, served, key   string
	seed                      uint64
	modelLen, seqs, batched   int
	blocks, block             int
	freeze                    string
	refuse, cut, broken, fail float64
	status                    int
	truth                     string
}

// parse reads the command line; what it complains about goes to out.
func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("mockvllm", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprintln(out, "usage: mockvllm [serve] [MODEL] [flags]\n\nServes a mock of vLLM in real time.")
		flags.PrintDefaults()
		fmt.Fprintln(out, "\nOther flags of `vllm serve` that change nothing here, --dtype say, are accepted and ignored.")
	}
	o.register(flags)
	ignore(flags)
	if len(args) > 0 && args[0] == "serve" {
		args = args[1:]
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		o.model, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; the model stands first: mockvllm serve MODEL [flags]", flags.Arg(0))
	}
	return o, nil
}

func (o *options) register(flags *flag.FlagSet) {
	flags.StringVar(&o.host, "host", "127.0.0.1", "address to listen on")
	flags.IntVar(&o.port, "port", 8000, "port to listen on; 0 for any that is free")
	flags.StringVar(&o.model, "model", "llama-3.1-8b", "model whose profile is served; see -profiles")
	flags.StringVar(&o.served, "served-model-name", "", "name of the model; as given if empty")
	flags.StringVar(&o.key, "api-key", os.Getenv("VLLM_API_KEY"), "key that requests must carry; by default $VLLM_API_KEY")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of answers and faults")
	flags.IntVar(&o.modelLen, "max-model-len", 0, "tokens of prompt and answer together; the profile's if 0")
	flags.IntVar(&o.seqs, "max-num-seqs", 0, "sequences in one step; the profile's if 0")
	flags.IntVar(&o.batched, "max-num-batched-tokens", 0, "tokens in one step; the profile's if 0")
	flags.IntVar(&o.blocks, "num-gpu-blocks-override", 0, "blocks of the KV cache; the profile's if 0")
	flags.IntVar(&o.block, "block-size", 16, "tokens in a block; only 16")

	flags.BoolVar(&o.list, "profiles", false, "list the profiles and exit")
	flags.StringVar(&o.gpu, "gpu", "", `hardware of the profile, such as "one H100"; the model's first if empty`)
	flags.StringVar(&o.freeze, "freeze", "", "let the engine stand still: 10s@1m is for 10 s after 1 minute")
	flags.Float64Var(&o.refuse, "refuse", 0, "share of requests whose connection is closed, 0 to 1")
	flags.Float64Var(&o.cut, "cut", 0, "share of answers that are cut short")
	flags.Float64Var(&o.broken, "break", 0, "share of answers that break off with an error event")
	flags.Float64Var(&o.fail, "fail", 0, "share of requests that are answered with -fail-status")
	flags.StringVar(&o.truth, "truth-log", "", "file for one JSON line per request: what really happened to it inside")
	flags.IntVar(&o.status, "fail-status", 500, "status of -fail")
}

// ignore accepts flags of vLLM's that change how a real server computes, not
// what this one does.
func ignore(flags *flag.FlagSet) {
	takes := func(string) error { return nil }
	for _, name := range []string{"chat-template", "config-format", "data-parallel-size", "download-dir", "dtype", "generation-config",
		"gpu-memory-utilization", "hf-token", "kv-cache-dtype", "kv-cache-memory-bytes", "limit-mm-per-prompt", "load-format", "max-log-len", "pipeline-parallel-size",
		"quantization", "reasoning-parser", "revision", "swap-space", "tensor-parallel-size", "tokenizer", "tokenizer-mode",
		"tool-call-parser", "uvicorn-log-level"} {
		flags.Func(name, "ignored", takes)
	}
	for _, name := range []string{"disable-custom-all-reduce", "disable-log-requests", "disable-log-stats", "enable-auto-tool-choice",
		"enable-chunked-prefill", "enable-expert-parallel", "enable-prefix-caching", "enable-log-requests", "enforce-eager", "no-enable-log-requests", "trust-remote-code"} {
		flags.BoolFunc(name, "ignored", takes)
	}
}

// config is what the mock shall be.
func (o options) config() (mockvllm.Config, error) {
	profile, err := mockvllm.ProfileFor(o.model, o.gpu)
	if err != nil {
		return mockvllm.Config{}, fmt.Errorf("%w (-profiles lists them)", err)
	}
	if o.block != 16 {
		return mockvllm.Config{}, fmt.Errorf("--block-size is %d; the mock's blocks hold 16 tokens", o.block)
	}
	for _, override := range []struct {
		flag string
		of   int
		is   *int
	}{{"max-model-len", o.modelLen, &profile.MaxModelLen}, {"max-num-seqs", o.seqs, &profile.MaxSeqs},
		{"max-num-batched-tokens", o.batched, &profile.MaxBatchedTokens}, {"num-gpu-blocks-override", o.blocks, &profile.Blocks}} {
		if override.of < 0 {
			return mockvllm.Config{}, fmt.Errorf("--%s is %d; it cannot be negative", override.flag, override.of)
		}
		if override.of > 0 {
			*override.is = override.of
		}
	}
	served := o.served
	if served == "" {
		served = o.model
	}
	config := mockvllm.Config{Profile: profile, ServedName: served, Seed: o.seed, APIKey: o.key}
	config.Faults, err = o.faults()
	return config, err
}

func (o options) faults() (faults []mockvllm.Fault, err error) {
	if o.freeze != "" {
		f, err := parseFreeze(o.freeze)
		if err != nil {
			return nil, err
		}
		faults = append(faults, f)
	}
	if o.refuse != 0 {
		faults = append(faults, mockvllm.Refuse{Share: o.refuse})
	}
	if o.cut != 0 {
		faults = append(faults, mockvllm.CutShort{Share: o.cut})
	}
	if o.broken != 0 {
		faults = append(faults, mockvllm.ErrorInStream{Share: o.broken})
	}
	if o.fail != 0 {
		faults = append(faults, mockvllm.Fail{Share: o.fail, Status: o.status})
	}
	return faults, nil
}

func parseFreeze(s string) (mockvllm.Freeze, error) {
	length, after, ok := strings.Cut(s, "@")
	f, err1 := time.ParseDuration(length)
	a, err2 := time.ParseDuration(after)
	if !ok || errors.Join(err1, err2) != nil {
		return mockvllm.Freeze{}, fmt.Errorf("--freeze %q: write 10s@1m, for 10 s after 1 minute", s)
	}
	return mockvllm.Freeze{For: f, After: a}, nil
}
