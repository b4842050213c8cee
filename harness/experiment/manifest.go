package experiment

import (
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// manifestOf is run.json of a run that has ended, or of what is known of it before.
func (t *trial) manifest(run *harness.Run, cause error) store.Manifest {
	m := t.of.manifest(t.folder, run, t.on, t.facts, cause)
	m.Trial, m.Judged = t.about, append([]Question{}, t.judged...)
	if t.ledger != nil {
		m.Agreement = reconcile.Agreements(t.ledger)
	}
	return m
}

// manifest is run.json: what the run knows, and what only we know of the server
// and of how the experiment ended.
func (e *Experiment) manifest(folder *store.Folder, run *harness.Run, on *endpoint, facts *store.Facts, cause error) store.Manifest {
	m := store.NewManifest(folder.Run(), run)
	m.Judged, m.Feature, m.Tool.Branch = []Question{}, e.plan.Feature, e.session.Branch
	m.Server = on.stored()
	for _, gpu := range e.session.shownGPUs(e.gpus) {
		m.Server.GPUs = append(m.Server.GPUs, store.GPU(gpu))
	}
	if m.Tool.Commit == "" {
		m.Tool.Commit = e.session.Commit
	}
	if facts != nil {
		facts.Complete(&m)
	}
	if cause != nil {
		m.Failure = cause.Error()
	}
	return m
}

// stored is a server that was reached, as a manifest keeps it.
func (on *endpoint) stored() store.Server {
	about, place := on.about, on.of.session.Place
	return store.Server{Kind: on.Kind, Origin: place.originOf(on), Simulated: !on.Remote || about.Mock, URL: on.Where(), Hardware: on.hardware, CacheSalt: on.salting,
		Model: about.Model, Version: about.Version, Software: about.Software, MaxModelLen: about.MaxModelLen, Card: about.Card, Config: about.Config, Command: on.of.session.startedBy(on)}
}

// originOf is where a server came from.
func (p Place) originOf(on *endpoint) store.Origin {
	switch launch := p.Launch; {
	case !on.Remote:
		return store.OfMock
	case launch == nil || !on.shared:
		return store.AtURL
	case launch.Image != "":
		return store.OfContainer
	}
	return store.OfCommand
}

// startedBy is the command line, or the image and its arguments, of a server that we
// started, without secrets; nil where we did not.
func (s *Session) startedBy(on *endpoint) (words []string) {
	launch := s.Place.Launch
	if launch == nil || !on.shared {
		return nil
	}
	words = slices.Clone(launch.Command)
	if launch.Image != "" {
		words = append(words, launch.Image)
	}
	return s.secrets().Words(append(words, launch.Args...))
}

// Measured is the server that the experiment measured, or was to measure.
func (e *Experiment) Measured() reports.Target {
	if e.one == nil {
		return e.session.Intends(e.plan.Target, e.plan.Virtual)
	}
	t := reports.OfServer(e.one.stored())
	if e.other != nil {
		other := reports.OfServer(e.other.stored())
		t.Other = &other
	}
	return t
}

// Intends is the server that a target will be, as far as the place says.
func (s *Session) Intends(t Target, virtual bool) reports.Target {
	place := s.Place
	switch launch := place.Launch; {
	case place.OnMock(t, virtual):
		return Mock(virtual)
	case launch != nil && launch.Image != "":
		return reports.Target{Origin: store.OfContainer, Kind: s.redact("the container " + launch.Image)}
	case launch != nil:
		return reports.Target{Origin: store.OfCommand, Kind: s.redact("the command " + launch.Command[0])}
	}
	at, err := server.At(place.URLs...)
	if err != nil {
		return reports.Target{} // who made the place has refused them
	}
	return reports.Target{Origin: store.AtURL, Kind: at.Kind, Where: at.Where()}
}

// Mock is the mock of our own as a target, on either clock.
func Mock(virtual bool) reports.Target {
	t := reports.Target{Origin: store.OfMock, Kind: server.OverTCP, Simulated: true}
	if virtual {
		t.Kind = server.InVirtualTime
	}
	return t
}

// sayTarget says which server was reached, before it is asked for anything that counts.
func (on *endpoint) sayTarget() {
	what := "target: "
	if on.second {
		what = "compared with: "
	}
	on.of.session.say(what + reports.OfServer(on.stored()).String())
}
