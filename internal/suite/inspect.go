package suite

import (
	"context"
	"time"

	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/steps"
)

// A Planned scenario is one that would be run.
type Planned struct {
	Scenario string
	Where    string // it stands
	Virtual  bool   // it would run in virtual time
	Plan     experiment.Plan
	Err      error // why it cannot run; then there is no plan
}

// An Inspection is what is known of features before any load.
type Inspection struct {
	Planned []Planned
	Notes   []string // on what is left out
	Err     error    // mistakes in files, of which no scenario is planned
}

// Inspect reads the features of an environment as far as that can be done without a server. Nothing is run, and
// nothing is written but what is downloaded and unpacked: say is called before that, and before a query is run; it may be nil.
func Inspect(env environment.Environment, wanted func(feature, scenario string) bool, say func(line string)) (in Inspection) {
	s := unstarted(env)
	if say != nil {
		s.files.Say = func(line string) { say(s.clean(line)) }
	}
	defer s.files.Close() // what was unpacked is temporary
	s.Select(wanted)
	features, err := s.finder.features()
	in.Notes, in.Err = s.finder.notes, s.shown(err)
	for _, of := range features {
		file, err := s.finder.source.parse(of)
		if err != nil {
			in.Planned = append(in.Planned, Planned{Where: of.Path, Err: s.shown(err)})
			continue
		}
		for _, scenario := range file.scenarios {
			p := Planned{Scenario: scenario.Name, Where: file.places.Where(scenario.AstNodeIds), Virtual: of.Virtual}
			p.Plan, p.Err = s.reader.Plan(scenario, s.setting(of, file))
			p.Err = s.shown(p.Err)
			in.Planned = append(in.Planned, p)
		}
	}
	return in
}

// unstarted is a suite that reads, and runs nothing.
func unstarted(env environment.Environment) *Suite {
	s := &Suite{env: &env, interrupt: new(Interrupt), secrets: env.Secrets(), reader: steps.NewReader(steps.Own{})}
	s.access = &access{env: s.env, secrets: s.secrets}
	s.files = s.origins(nil)
	s.session = s.newSession(time.Time{})
	s.finder = &finder{setting: s.setting, env: s.env, source: source{env.Root, env.Tags}, reader: s.reader, paths: newPaths(s.env), numbers: map[string]numbering{},
		noGPU: func() string { return "" }} // whether one can be read shows when it is read
	return s
}

// Served is the model that the server of an environment serves first, and how long its context is; 0 where the
// server does not tell. The environment names a server by its URL.
func Served(ctx context.Context, env environment.Environment) (model string, length int, err error) {
	s := unstarted(env)
	defer s.access.close()
	token, err := s.access.get(ctx)
	if err != nil {
		return "", 0, s.shown(err)
	}
	one := &openai.Client{Model: env.Model,
		Endpoint: client.Endpoint{URL: env.URLs[0], TLS: env.TLS, Token: token, Headers: env.Headers, Secrets: s.secrets, Settings: environment.Settings()}}
	defer one.Close()
	about, err := one.Preflight(ctx)
	return about.Model, about.MaxModelLen, s.shown(err)
}
