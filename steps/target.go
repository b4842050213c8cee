package steps

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// target is the server under test as the scenario names it.
type target struct {
	model, gpu       string
	simulated        bool // the mock whatever the environment says
	sequences, cache int  // bounds of the mock; 0: the profile's
	faults           []mockvllm.Fault
	adapters         []mockvllm.Adapter
	distance         time.Duration // between it and us, one way
	noPrefixCache    bool
	timings          bool // answers tell how long their phases took
}

func (w *world) registerTarget(sc sentences) {
	sc.Step(`^the model "([^"]*)" is being served$`, w.modelIsServed)
	sc.Step(`^a simulated server of "([^"]*)" on "([^"]*)"$`, w.simulatedServer)
	sc.Step(`^it serves the adapter "([^"]*)"$`, w.servesAdapter)
	sc.Step(`^it can hold (\S+) sequences and (\S+) cache blocks$`, w.canHold)
}

// modelIsServed names the model; the environment decides which server serves it.
func (w *world) modelIsServed(model string) error {
	w.target.model = model
	if w.suite.live() {
		return nil
	}
	_, err := mockvllm.ProfileFor(model, "")
	return err
}

// simulatedServer asks for the mock of a model on given hardware, whatever the
// environment says.
func (w *world) simulatedServer(model, gpu string) error {
	w.target.model, w.target.gpu, w.target.simulated = model, gpu, true
	_, err := mockvllm.ProfileFor(model, gpu)
	return err
}

// servesAdapter gives the simulated server a LoRA adapter, which is asked for as a
// model of its own.
func (w *world) servesAdapter(name string) error {
	w.target.adapters = append(w.target.adapters, mockvllm.Adapter{Name: name, Path: "/adapters/" + name})
	return w.onlySimulated()
}

// canHold bounds the simulated server: sequences in its batch and blocks of 16
// tokens in its KV cache.
func (w *world) canHold(sequences, blocks string) (err error) {
	if err := w.onlySimulated(); err != nil {
		return err
	}
	if w.target.sequences, err = count(sequences, "sequences", 1); err != nil {
		return err
	}
	w.target.cache, err = count(blocks, "cache blocks", 2)
	return err
}

func (w *world) onlySimulated() error {
	if !w.target.simulated {
		return errors.New(`this sentence needs a simulated server: begin with: Given a simulated server of "llama-3.1-8b" on "one H100"`)
	}
	return nil
}

// served is the server under test once it has been reached.
type served struct {
	*server.Server
	client *openai.Fleet
	about  openai.Server
	shared bool  // it serves other scenarios too
	logged int64 // what it had written before this one
}

// reach starts or finds the server, and asks it for one answer.
func (w *world) reach(ctx context.Context) error {
	s, err := w.open(ctx)
	if err != nil {
		return err
	}
	if w.served, err = w.serve(ctx, s); err != nil {
		return err
	}
	client, env := w.served.client, w.suite.env
	if ended := s.Ended(); ended != nil {
		return ended
	}
	if w.served.about, err = client.Preflight(ctx); err != nil {
		return err
	}
	w.labelServer()
	client.CountTokens(slices.ContainsFunc(slices.Concat(w.scenario.Objectives, w.comparisons), func(o harness.Objective) bool { return slo.CountsTokens(o.Metric) }))
	if context, asked := w.served.about.MaxModelLen, w.workload.prompt.Mean+w.workload.answer.Mean; context > 0 && asked > context {
		return fmt.Errorf("prompts of %s tokens and answers of %s tokens do not fit into the model's context of %d tokens", w.workload.prompt, w.workload.answer, context)
	}
	if model := w.served.about.Model; s.Remote && env.Model == "" && !sameModel(w.target.model, model) {
		w.warnings = append(w.warnings, fmt.Sprintf("the feature names the model %q; the server serves %q, which was measured", w.target.model, model))
	}
	return nil
}

// serve is a server with the clients that ask it, one for each replica.
func (w *world) serve(ctx context.Context, s *server.Server) (served, error) {
	of := served{Server: s, client: new(openai.Fleet), shared: s == w.suite.server, logged: w.suite.logged}
	var token *credentials.Token
	if s.Remote {
		var err error
		if token, err = w.suite.access(ctx); err != nil {
			return of, err
		}
	}
	for _, url := range s.URLs() {
		client := &openai.Client{URL: url, Dial: s.Dial}
		if env := w.suite.env; s.Remote {
			client.TLS, client.Token, client.Headers, client.Model = env.TLS, token, env.Headers, env.Model
		}
		of.client.Replicas = append(of.client.Replicas, client)
	}
	return of, nil
}

// warm opens connections beforehand, as many as the load will probably use at a
// time; in virtual time they cost nothing. Whoever refuses them will be met again.
func (w *world) warm(ctx context.Context) {
	if w.served.Virtual {
		return
	}
	if err := w.served.client.Warm(ctx, probablyInFlight(w.scenario.Load)); err != nil {
		w.warnings = append(w.warnings, fmt.Sprintf("connections could not be opened beforehand (%v): requests had to wait for theirs", err))
	}
}

// probablyInFlight is how many requests a load has in flight, as far as that can
// be told before anybody knows how long an answer takes.
func probablyInFlight(load harness.Load) int {
	const (
		answer = 2.0  // s
		most   = 2000 // more are opened when they are needed
	)
	n := float64(most)
	switch load := load.(type) {
	case harness.Closed:
		n = float64(load.Users)
	case harness.Open:
		n = math.Ceil(answer * load.Arrivals.Rate())
		if load.Requests > 0 {
			n = min(n, float64(load.Requests))
		}
		if load.InFlight > 0 {
			n = min(n, float64(load.InFlight))
		}
	}
	return int(min(n, most))
}

func (w *world) open(ctx context.Context) (*server.Server, error) {
	switch {
	case w.sides.onSecond:
		return w.openSecond()
	case w.target.model == "":
		return nil, errors.New(`no server is named: begin with: Given the model "llama-3.1-8b" is being served`)
	case w.suite.env.URLs != nil && !w.target.simulated:
		return server.At(w.suite.env.URLs...)
	case w.suite.env.Launch != nil && !w.target.simulated:
		return w.suite.start(ctx)
	}
	return w.simulate(w.target)
}

// simulate starts the mock as the scenario describes it.
func (w *world) simulate(t target) (*server.Server, error) {
	profile, err := mockvllm.ProfileFor(t.model, t.gpu)
	if err != nil {
		return nil, err
	}
	if t.sequences > 0 {
		profile.MaxSeqs, profile.Blocks = t.sequences, t.cache
	}
	config := mockvllm.Config{Profile: profile, Seed: w.scenario.Seed, Faults: t.faults, PromptDetails: true, Development: true,
		Adapters: t.adapters, MaxAdapters: len(t.adapters), RequestMetrics: t.timings, NoPrefixCache: t.noPrefixCache}
	if w.suite.inBubble {
		s, err := server.Simulated(config)
		if err == nil && t.distance > 0 {
			s.MoveAway(t.distance)
		}
		return s, err
	}
	return server.Mock(config)
}

// sameModel compares names as people write them: "llama-3.1-8b" is
// "meta-llama/Llama-3.1-8B-Instruct".
func sameModel(named, served string) bool {
	plain := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(s))
	}
	return strings.Contains(plain(served), plain(named))
}

// leave stops what reach started.
func (s served) leave() {
	if s.Server == nil {
		return
	}
	s.client.Close()
	if !s.shared {
		s.Close()
	}
}
