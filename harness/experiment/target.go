package experiment

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/interfaces"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// An endpoint is a server under test that was reached, with the clients that ask it.
type endpoint struct {
	*server.Server
	of     *Experiment
	target Target
	second bool // it is the one that the first is compared with
	client *openai.Fleet
	other  harness.Client // asks in its place, by a protocol of the session's; nil: none does
	about  openai.Server
	labels map[string]string // of runs on it

	shared   bool            // it serves other experiments too
	logged   int64           // how much of its log is kept with runs, or was written before this experiment
	hardware string          // that a mock of our own stands for
	salting  harness.Salting // what it makes of cache_salt
}

// reach starts or finds a server, and asks it for one answer. The labels get what only the server
// itself reports. Where there is an error, the server that was reached until then is returned too.
func (e *Experiment) reach(ctx context.Context, t Target, second bool, labels map[string]string) (*endpoint, error) {
	s, err := e.open(ctx, t, second)
	if err != nil {
		return nil, err
	}
	on, err := e.session.serve(ctx, s, e.plan.Target.Model)
	on.of, on.target, on.second, on.labels = e, t, second, labels
	if err != nil {
		return on, err
	}
	if !s.Remote {
		profile, err := mockvllm.ProfileFor(t.Model, t.GPU)
		if err != nil {
			return on, err
		}
		on.hardware = profile.GPU
	}
	if ended := s.Ended(); ended != nil {
		return on, ended
	}
	on.client.AtOnce(e.scenario.Interface.Answers.ComeAtOnce())
	if over := e.scenario.Interface; over.Name != "" {
		if err = on.reachOver(ctx, over.Name); err != nil {
			return on, err
		}
		return on, on.reached(ctx)
	}
	if own := e.session.Protocol; own != nil {
		on.other, on.about, err = on.client.AskBy(own, cmp.Or(e.session.Place.Model, e.plan.Target.Model))
		on.sayTarget()
		on.label()
		return on, err
	}
	on.client.CountTokens(slices.ContainsFunc(slices.Concat(e.scenario.Objectives, e.plan.Comparisons), func(o harness.Objective) bool { m, _ := metric.OfRow(o); return m.NeedsChunkTokens() }))
	if e.plan.Chats {
		on.client.Chat()
	}
	if on.about, err = on.client.Preflight(ctx, on.firstPrompts(e.scenario)...); err != nil {
		return on, err
	}
	return on, on.reached(ctx)
}

// reachOver has a server asked over an interface, in place of OpenAI's completions and chats.
func (on *endpoint) reachOver(ctx context.Context, name string) error {
	over, err := interfaces.Named(name)
	first := on.drawn(on.of.scenario, 1)
	switch {
	case err != nil:
		return err
	case on.of.session.Protocol != nil:
		return fmt.Errorf("the scenario is asked over %q, and by a protocol of one's own; leave one of them out", name)
	case len(first) == 0:
		return fmt.Errorf("nothing can be asked over %q: the dataset is empty, or cannot be read", name)
	}
	on.other, on.about, err = over.Reach(ctx, on.client, first[0])
	return err
}

// reached notes what the first answer shows of a server, and refuses one that the plan cannot be
// run on.
func (on *endpoint) reached(ctx context.Context) error {
	for _, warning := range on.about.Warnings {
		warning = on.of.session.redact(warning)
		on.of.warnings = append(on.of.warnings, warning)
		on.of.session.warn(warning)
	}
	if why := on.of.session.Place.OnlyReal; on.about.Mock && why != "" {
		return fmt.Errorf("%s, and the one at %s is the mock, by its own word", why, on.Where())
	}
	on.recognise(ctx)
	on.sayTarget()
	on.label()
	on.findSalting(ctx)
	if context, asked := on.about.MaxModelLen, on.of.plan.Prompt.Mean+on.of.plan.Answer.Mean; context > 0 && asked > context {
		return fmt.Errorf("prompts of %s tokens and answers of %s tokens do not fit into the model's context of %s tokens; ask for shorter ones, or start the server with a longer --max-model-len", on.of.plan.Prompt, on.of.plan.Answer, quantity.Grouped(context))
	}
	return nil
}

// open starts or finds a server.
func (e *Experiment) open(ctx context.Context, t Target, second bool) (*server.Server, error) {
	place := e.session.Place
	switch {
	case second && !t.Simulated:
		return server.At(place.Other...)
	case place.OnMock(t, e.plan.Virtual):
		return e.plan.simulate(t)
	case place.URLs != nil:
		return server.At(place.URLs...)
	}
	return e.session.launch(ctx)
}

// simulate starts the mock.
func (p Plan) simulate(t Target) (*server.Server, error) {
	profile, err := mockvllm.ProfileFor(t.Model, t.GPU)
	if err != nil {
		return nil, err
	}
	if t.Sequences > 0 {
		profile.MaxSeqs, profile.Blocks = t.Sequences, t.Cache
	}
	config := mockvllm.Config{Profile: profile, Seed: p.Scenario.Seed, Faults: t.Faults, PromptDetails: true, Development: true,
		Adapters: t.Adapters, MaxAdapters: len(t.Adapters), RequestMetrics: t.Timings, NoPrefixCache: t.NoPrefixCache}
	if p.Virtual {
		s, err := server.Simulated(config)
		if err == nil && t.Distance > 0 {
			s.WithLatency(t.Distance)
		}
		return s, err
	}
	return server.Mock(config)
}

// serve is a server with the clients that ask it for a model, one for each replica.
func (s *Session) serve(ctx context.Context, at *server.Server, model string) (*endpoint, error) {
	on := &endpoint{Server: at, client: new(openai.Fleet), shared: at == s.launched.server, logged: s.launched.logged}
	place := s.Place
	var token *credentials.Token
	if at.Remote && place.Token != nil {
		var err error
		if token, err = place.Token(ctx); err != nil {
			return on, err
		}
	}
	for _, url := range at.URLs() {
		one := &openai.Client{Endpoint: client.Endpoint{URL: url, Dial: at.Dial}}
		if at.Remote {
			one.TLS, one.Token, one.Headers, one.Model, one.Named = place.TLS, token, place.Headers, cmp.Or(place.Model, servers.Deployment(url)), model
			one.Secrets = s.secrets()
			one.Settings, one.EngineHeader = place.Settings, place.EngineHeader
		}
		on.client.Replicas = append(on.client.Replicas, one)
	}
	return on, nil
}

// leave closes the connections to a server, and stops it where it serves this experiment alone.
func (on *endpoint) leave() {
	if on == nil {
		return
	}
	on.client.Close()
	if !on.shared {
		on.Close()
	}
}

// firstPrompts are some of the prompts of the load, which the preflight asks a real server.
// There are none for our own mock, which accepts everything, unless its tokens must be
// counted first.
func (on *endpoint) firstPrompts(s harness.Scenario) (first []harness.Prompt) {
	if !on.Remote && !on.of.plan.Chats {
		return nil
	}
	return on.drawn(s, 16)
}

// drawn are so many prompts at most, as the load may have them.
func (*endpoint) drawn(s harness.Scenario, some int) (first []harness.Prompt) {
	conversations, err := s.Dataset.Conversations(rand.New(rand.NewPCG(s.Seed, 0)))
	if err != nil {
		return nil // the run will say so
	}
	for c := range conversations {
		if c.Err != nil || len(c.Turns) == 0 || len(first) == some {
			break
		}
		first = append(first, c.Turns[0])
	}
	return first
}

// models are the names under which the server's metrics may have what the plan asks:
// vLLM's label model_name is the base model, of an adapter too.
func (on *endpoint) models() []string {
	models := append([]string{on.client.Replicas[0].Model}, on.of.plan.Adapters...) // as it is on the page, secret or not
	var card struct {
		Parent string `json:"parent"`
	}
	if json.Unmarshal(on.about.Card, &card) == nil && card.Parent != "" {
		models = append(models, card.Parent)
	}
	return models
}
