package mock

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// options are what the command line says. Flags that vLLM has too are named and
// meant as there, so that the mock takes the place of `vllm serve` as it stands.
type options struct {
	command string   // serve, score, calibrate or replay
	files   []string // runs or a trace
	write   string   // file of the fitted profile

	host            string
	port            int
	cert, key, ca   string
	caNeeded        int
	profiles, kinds bool

	model, gpu, profile, truth           string
	names, keys, adapters, faults        list
	modelLen, seqs, batched              size
	blocks, block                        int
	policy, speculative, reasoningParser string
	acceptance                           float64
	enableLoRA, prefixCaching            bool
	config                               mockvllm.Config
}

// A list is a flag that takes several values, or is given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }
func (l *list) Set(s string) error {
	*l = append(*l, strings.Split(s, separator)...)
	return nil
}

// separator joins the values that follow one flag; it stands in none.
const separator = "\x1f"

// A size is a number of tokens as vLLM takes it: 8192, 8k for 8,000, 8K for 8,192.
type size int

func (n *size) String() string { return strconv.Itoa(int(*n)) }
func (n *size) Set(s string) error {
	if s == "auto" || s == "-1" { // as much as there is
		*n = 0
		return nil
	}
	factor := 1.0
	if i := strings.IndexAny(s, "kKmM"); i == len(s)-1 && i > 0 {
		factor = map[byte]float64{'k': 1000, 'K': 1024, 'm': 1e6, 'M': 1 << 20}[s[i]]
		s = s[:i]
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v < 0 || v*factor > 1<<40 {
		return fmt.Errorf("write a number of tokens such as 8192 or 8K")
	}
	*n = size(v * factor)
	return nil
}

// parse reads the command line; its help goes to out.
func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := command.NewFlags("mock")
	o.register(flags.FlagSet)
	o.registerOurs(flags.FlagSet)
	ignore(flags.FlagSet)
	o.command = "serve"
	if len(args) > 0 && slices.Contains([]string{"serve", "score", "calibrate", "replay"}, args[0]) {
		o.command, args = args[0], args[1:]
	}
	if o.command == "serve" && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		o.model, args = args[0], args[1:]
	}
	files, err := flags.Split(asVLLM(args))
	if errors.Is(err, flag.ErrHelp) {
		usage(flags.FlagSet, out)
	}
	if err != nil {
		return o, err
	}
	o.files = files
	switch {
	case o.command == "serve" && len(o.files) > 0:
		return o, fmt.Errorf("%q is no flag; the model stands first: vllmspec mock serve MODEL [flags]", o.files[0])
	case o.command == "replay" && len(o.files) != 1:
		return o, fmt.Errorf("replay takes one trace, not %d: vllmspec mock replay [flags] TRACE", len(o.files))
	case (o.command == "score" || o.command == "calibrate") && len(o.files) == 0:
		return o, fmt.Errorf("%[1]s takes the folders of runs: vllmspec mock %[1]s [flags] RUN…", o.command)
	}
	return o, nil
}

func usage(flags *flag.FlagSet, out io.Writer) {
	fmt.Fprint(out, `vllmspec mock serves a mock of vLLM. It takes the flags of vllm serve, and more.

usage: vllmspec mock [serve] [MODEL] [flags]  serve it in real time
       vllmspec mock score [flags] RUN…       hold a profile against stored runs
       vllmspec mock calibrate [flags] RUN…   fit a profile to them
       vllmspec mock replay [flags] TRACE     serve a trace: hours in seconds

example:
  vllmspec mock llama-3.1-8b --port 8000 --fault "freeze from=1m for=10s"

flags:
`)
	flags.VisitAll(func(f *flag.Flag) {
		if f.Usage != ignored {
			name, about := flag.UnquoteUsage(f)
			command.PrintFlag(out, strings.TrimSpace("--"+f.Name+" "+name), about)
		}
	})
	fmt.Fprintln(out, "\nOther flags of vllm serve that change nothing here, --dtype say, are ignored.")
}

// asVLLM rewrites what vLLM's parser takes and Go's does not: underscores for
// dashes, short names, and flags that are followed by several values.
func asVLLM(args []string) (out []string) {
	short := map[string]string{"-tp": "--tensor-parallel-size", "-pp": "--pipeline-parallel-size", "-dp": "--data-parallel-size", "-q": "--quantization"}
	for i := 0; i < len(args); i++ {
		name, value, has := strings.Cut(args[i], "=")
		if strings.HasPrefix(name, "-O") || strings.HasPrefix(name, "--compilation-config.") || strings.HasPrefix(name, "--hf-overrides.") {
			if !has && strings.HasPrefix(name, "--") && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
				i++
			}
			continue // how a real server computes
		}
		if strings.HasPrefix(name, "-") {
			name = cmp.Or(short[name], strings.ReplaceAll(name, "_", "-"))
		}
		if has {
			name += "=" + value
		}
		out = append(out, name)
		switch strings.TrimLeft(name, "-") {
		case "served-model-name", "api-key", "lora-modules", "middleware", "compilation-config":
			var values []string
			for i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
				i++
				values = append(values, args[i])
			}
			if values != nil {
				out = append(out, strings.Join(values, separator))
			}
		}
	}
	return out
}

func (o *options) register(flags *flag.FlagSet) {
	c := &o.config
	flags.StringVar(&o.host, "host", "127.0.0.1", "`address` to listen on")
	flags.IntVar(&o.port, "port", 8000, "port to listen on; 0 for any that is free")
	flags.StringVar(&o.cert, "ssl-certfile", "", "`file` of the certificate, for TLS")
	flags.StringVar(&o.key, "ssl-keyfile", "", "`file` of its key")
	flags.StringVar(&o.ca, "ssl-ca-certs", "", "`file` of the authorities whose client certificates are taken")
	flags.IntVar(&o.caNeeded, "ssl-cert-reqs", 0, "2 if a client needs a certificate")
	flags.StringVar(&o.model, "model", "", "`model` whose profile is served, llama-3.1-8b if none is named; see --profiles")
	flags.Var(&o.names, "served-model-name", "`names` of the model; as given if there are none")
	flags.Var(&o.keys, "api-key", "`keys` of which requests must carry one; also from $VLLM_API_KEY")
	flags.Uint64Var(&c.Seed, "seed", 1, "seed of answers and faults")
	flags.Var(&o.modelLen, "max-model-len", "`tokens` of prompt and answer together; the profile's if 0")
	flags.Var(&o.seqs, "max-num-seqs", "`sequences` in one step; the profile's if 0")
	flags.Var(&o.batched, "max-num-batched-tokens", "`tokens` in one step; the profile's if 0")
	flags.IntVar(&o.blocks, "num-gpu-blocks-override", 0, "blocks of the KV cache; the profile's if 0")
	flags.IntVar(&o.block, "block-size", 0, "tokens in a block; the cache holds as many tokens as before")
	flags.BoolVar(&o.prefixCaching, "enable-prefix-caching", true, "blocks of equal beginnings are shared")
	flags.BoolFunc("no-enable-prefix-caching", "they are not", func(string) error { o.prefixCaching = false; return nil })
	flags.StringVar(&o.policy, "scheduling-policy", "fcfs", "`policy`: fcfs or priority")
	flags.StringVar(&o.speculative, "speculative-config", "", `'{"num_speculative_tokens": 3}': steps check so many guessed tokens`)
	flags.StringVar(&o.reasoningParser, "reasoning-parser", "", "`name`: answers of a chat begin with a reasoning part")
	flags.BoolVar(&c.PromptDetails, "enable-prompt-tokens-details", false, "usage tells the cached tokens")
	flags.BoolVar(&c.RequestMetrics, "enable-per-request-metrics", false, "answers tell how long their phases took")
	flags.BoolVar(&c.ForceUsage, "enable-force-include-usage", false, "every event of a stream tells usage")
	flags.BoolVar(&c.TrackLoad, "enable-server-load-tracking", false, "/load counts requests")
	flags.BoolVar(&c.RequestIDHeader, "enable-request-id-headers", false, "answers carry X-Request-Id")
	flags.IntVar(&c.StreamInterval, "stream-interval", 1, "tokens per event")
	flags.IntVar(&c.MaxQueuedRequests, "max-num-queued-reqs", 0, "requests that wait or run before others get 503; no bound if 0")
	flags.IntVar(&c.MaxQueuedTokens, "max-num-queued-tokens", 0, "prompt tokens not yet computed before others get 503; no bound if 0")
	flags.BoolVar(&o.enableLoRA, "enable-lora", false, "adapters can be asked for")
	flags.Var(&o.adapters, "lora-modules", "adapters: `name=path` …")
	flags.IntVar(&c.MaxAdapters, "max-loras", 1, "adapters in one step")
}

// registerOurs are the flags that vLLM has not.
func (o *options) registerOurs(flags *flag.FlagSet) {
	flags.BoolVar(&o.profiles, "profiles", false, "list the profiles and exit")
	flags.StringVar(&o.gpu, "gpu", "", ``+"`hardware`"+` of the profile, such as "one H100"; the model's first if empty`)
	flags.StringVar(&o.profile, "profile", "", "`profile` if not the model's own: another model's, or a file that calibrate wrote")
	flags.StringVar(&o.write, "write", "", "`file` for the profile that calibrate fits")
	flags.BoolVar(&o.kinds, "faults", false, "list what can go wrong on purpose and exit")
	flags.Var(&o.faults, "fault", "`\"kind key=value …\"`: let something go wrong; can be given several times, and changed over /admin/faults")
	flags.StringVar(&o.truth, "truth-log", "", "`file` for one JSON line per answer: what really happened to it inside")
	flags.Float64Var(&o.config.Scale, "time-scale", 1, "everything takes so many times less long")
	flags.Float64Var(&o.acceptance, "acceptance", 0.7, "chance that a guessed token is right, given that those before it were")
}

const ignored = "ignored"

// ignore accepts flags of vLLM's that change how a real server computes, not
// what this one does.
func ignore(flags *flag.FlagSet) {
	takes := func(string) error { return nil }
	for _, name := range []string{"allowed-origins", "api-server-count", "attention-backend", "chat-template", "chat-template-content-format", "code-revision",
		"compilation-config", "config-format", "cpu-offload-gb", "data-parallel-size", "distributed-executor-backend", "download-dir", "dtype", "generation-config",
		"gpu-memory-utilization", "hf-config-path", "hf-overrides", "hf-token", "kv-cache-dtype", "kv-cache-memory-bytes", "kv-transfer-config",
		"limit-mm-per-prompt", "load-format", "log-config-file", "long-prefill-token-threshold", "max-cpu-loras", "max-log-len", "max-logprobs", "max-lora-rank",
		"middleware", "mm-processor-kwargs", "model-impl", "override-generation-config", "pipeline-parallel-size", "prefix-caching-hash-algo",
		"quantization", "response-role", "revision", "root-path", "rope-scaling", "rope-theta", "runner", "safetensors-load-strategy", "shutdown-timeout",
		"swap-space", "tensor-parallel-size", "tokenizer", "tokenizer-mode", "tokenizer-revision", "tool-call-parser", "tool-parser-plugin", "uvicorn-log-level"} {
		flags.Func(name, ignored, takes)
	}
	for _, name := range []string{"async-scheduling", "disable-access-log-for-endpoints", "disable-cascade-attn", "disable-custom-all-reduce", "disable-fastapi-docs",
		"disable-log-requests", "disable-log-stats", "disable-uvicorn-access-log", "enable-auto-tool-choice", "enable-chunked-prefill", "enable-eplb",
		"enable-expert-parallel", "enable-log-outputs", "enable-log-requests", "enable-sleep-mode", "enforce-eager", "no-async-scheduling",
		"no-enable-chunked-prefill", "no-enable-log-requests", "skip-tokenizer-init", "trust-remote-code"} {
		flags.BoolFunc(name, ignored, takes)
	}
}

// build is what the mock shall be.
func (o options) build() (c mockvllm.Config, err error) {
	c = o.config
	if c.Profile, err = o.base(); err != nil {
		return c, err
	}
	if err = o.override(&c.Profile); err != nil {
		return c, err
	}
	c.Root, c.Names = o.model, o.names
	if c.Names == nil {
		c.Names = []string{cmp.Or(o.model, c.Profile.Name)}
	}
	for _, key := range append(o.keys, os.Getenv("VLLM_API_KEY")) {
		if key != "" {
			c.APIKeys = append(c.APIKeys, key)
		}
	}
	c.NoPrefixCache = !o.prefixCaching
	c.Reasoning = o.reasoningParser != ""
	c.Development = os.Getenv("VLLM_SERVER_DEV_MODE") == "1"
	c.RuntimeAdapters = os.Getenv("VLLM_ALLOW_RUNTIME_LORA_UPDATING") == "1"
	if os.Getenv("VLLM_USE_RUST_FRONTEND") == "1" {
		c.Dialect = mockvllm.Rust
	}
	switch o.policy {
	case "fcfs":
	case "priority":
		c.Priority = true
	default:
		return c, fmt.Errorf("--scheduling-policy is %q; there are fcfs and priority", o.policy)
	}
	if err = o.speculate(&c); err != nil {
		return c, err
	}
	for _, text := range o.faults {
		f, err := mockvllm.ParseFault(text)
		if err != nil {
			return c, fmt.Errorf("--fault: %w (--faults lists them)", err)
		}
		c.Faults = append(c.Faults, f)
	}
	return c, o.adapt(&c)
}

// base is the profile that the others of the command line change.
func (o options) base() (mockvllm.Profile, error) {
	if strings.ContainsAny(o.profile, "/\\") || strings.HasSuffix(o.profile, ".json") {
		return mockvllm.ReadProfile(o.profile)
	}
	profile, err := mockvllm.ProfileFor(cmp.Or(o.profile, o.model, "llama-3.1-8b"), o.gpu)
	if err != nil {
		err = fmt.Errorf("%w; --profiles lists them, and --profile gives a model another's", err)
	}
	return profile, err
}

func (o options) override(p *mockvllm.Profile) error {
	if o.blocks < 0 || o.block < 0 {
		return fmt.Errorf("--num-gpu-blocks-override and --block-size cannot be negative")
	}
	if o.block > 0 {
		p.Blocks, p.BlockSize = p.Blocks*p.BlockSize/o.block, o.block
	}
	p.MaxModelLen = cmp.Or(int(o.modelLen), p.MaxModelLen)
	p.MaxSeqs = cmp.Or(int(o.seqs), p.MaxSeqs)
	p.MaxBatchedTokens = cmp.Or(int(o.batched), p.MaxBatchedTokens)
	p.Blocks = cmp.Or(o.blocks, p.Blocks)
	return nil
}

func (o options) speculate(c *mockvllm.Config) error {
	if o.speculative == "" {
		return nil
	}
	var config struct {
		Tokens int `json:"num_speculative_tokens"`
	}
	if err := json.Unmarshal([]byte(o.speculative), &config); err != nil || config.Tokens < 1 {
		return fmt.Errorf(`--speculative-config %q: write '{"num_speculative_tokens": 3}'`, o.speculative)
	}
	c.Draft = mockvllm.Draft{Tokens: config.Tokens, Acceptance: o.acceptance}
	return nil
}

func (o options) adapt(c *mockvllm.Config) error {
	if len(o.adapters) > 0 && !o.enableLoRA {
		return fmt.Errorf("--lora-modules needs --enable-lora, as in vLLM")
	}
	for _, module := range o.adapters {
		var a mockvllm.Adapter
		if strings.HasPrefix(module, "{") { // vLLM takes JSON too
			var v struct{ Name, Path string }
			if err := json.Unmarshal([]byte(module), &v); err != nil {
				return fmt.Errorf("--lora-modules %s: %w", module, err)
			}
			a = mockvllm.Adapter(v)
		} else {
			a.Name, a.Path, _ = strings.Cut(module, "=")
		}
		if a.Name == "" || a.Path == "" {
			return fmt.Errorf("--lora-modules %s: write name=path", module)
		}
		c.Adapters = append(c.Adapters, a)
	}
	return nil
}
