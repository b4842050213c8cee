package experiment

import (
	"context"
	"crypto/tls"
	"path/filepath"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/export"
	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// A Session runs experiments one after the other. Only Out must be set, or a Place that replays.
type Session struct {
	Out   string      // folder in which runs are stored, unless they are replayed
	Disk  *store.Disk // where all is written; nil: the system's
	Root  string      // paths that are shown count from here; "": they are shown whole
	Place Place
	Began time.Time // on the wall clock: the start of runs in virtual time, and part of the name of a launched server's log; zero: now

	Deadline  time.Time            // when the process is killed; zero: never
	Interrupt Interrupt            // nil: nothing interrupts
	Secrets   *credentials.Secrets // that nothing shows
	Remedies  Remedies
	Commit    string // of the scenarios, in git; "": that of the binary
	Branch    string // likewise; "": unknown

	Past func(history.Query) ([]*history.Run, error) // finds stored runs; nil: none are looked for

	Samplers []harness.Sampler  // read beside those of the server, the host and the GPUs
	Protocol client.OwnProtocol // how servers are asked; nil: OpenAI's
	Listener Listener           // nil: none
	Watcher  Watcher            // nil: none
	// Export opens further sinks for a run in real time, with what is to be done when it has
	// ended. What is wrong with them is a warning of the run. Nil: there are none.
	Export func(ctx context.Context, about export.About, warn func(string)) (sinks []harness.Sink, finish func())

	launched launched
}

// A Place is where servers are, and with what credentials they are asked. The zero Place is
// the mock.
type Place struct {
	URLs     []string       // of the server under test, or of its replicas
	Other    []string       // of the server that it is compared with
	Launch   *server.Launch // a server to start, once for all experiments of the session
	TLS      *tls.Config
	Token    func(context.Context) (*credentials.Token, error) // the bearer token, once it is needed; nil: there is none
	Headers  []credentials.Header
	Model    string          // to ask for; "": the first that is served
	Settings client.Settings // what errors call the settings above

	MetricsURLs  []string                 // pages of the server's metrics, as [sampler.Resolve] takes them; nil: URL/metrics
	Prometheus   sampler.PrometheusServer // that scrapes the engines, in place of MetricsURLs; without a URL: none
	Selector     string                   // of the engines' series in it
	Resolver     sampler.Resolver         // finds the addresses of their hosts; nil: the system's
	MetricsKey   string                   // bearer token for those
	GPUsURLs     []string                 // pages of exporters of the server's GPUs
	EngineHeader string                   // of answers, that names the engine behind a gateway; "": those of [client.EngineHeaders]
	OnlyReal     string                   // why the mock is not measured, even where it is reached as a server; "": it is
	Replay       Replay                   // in place of any server; nil: there is one
}

// An Interrupt says whether everything is to end before its time, and why.
type Interrupt interface {
	By() (harness.Interruption, bool)
}

// A Listener hears what an experiment does.
type Listener interface {
	// Say takes a line for the reader.
	Say(line string)
	// Reach is called when a stage begins, by the goroutine that goes through it.
	Reach(Stage)
}

// A Stage is where an experiment has got to.
type Stage string

// The stages after a load, in their order.
const (
	Judging Stage = "judging"
	Writing Stage = "writing" // the files of the run
)

// A Manifest is what is known of a run: of one that goes on, what is known of it beforehand.
type Manifest = store.Manifest

// A Watcher shows runs while they go on.
type Watcher interface {
	// Watch begins to show a run. stop ends its load.
	Watch(s harness.Scenario, m Manifest, stop func()) Watch
}

// A Watch shows one run. Close ends it, also of a run that was not published.
type Watch interface {
	harness.Sink
	// Published shows what became of the run, which now lies in a folder.
	Published(v reports.View, entry reports.Entry, folder string)
}

// live reports whether plans that do not ask for the mock measure a server at the place.
func (p Place) live() bool { return p.URLs != nil || p.Launch != nil }

// OnMock reports whether a target is the mock of our own, in virtual time or not.
func (p Place) OnMock(t Target, virtual bool) bool { return t.Simulated || virtual || !p.live() }

func (s *Session) say(line string) {
	if s.Listener != nil {
		s.Listener.Say(line)
	}
}

func (s *Session) reach(stage Stage) {
	if s.Listener != nil {
		s.Listener.Reach(stage)
	}
}

// Interrupted is why everything is to end before its time, and whether it is.
func (s *Session) Interrupted() (harness.Interruption, bool) {
	if s.Interrupt == nil {
		return "", false
	}
	return s.Interrupt.By()
}

// secrets are those that nothing shows.
func (s *Session) secrets() *credentials.Secrets {
	if s.Secrets == nil {
		s.Secrets = new(credentials.Secrets)
	}
	return s.Secrets
}

// redact takes all that is secret out of a text from outside.
func (s *Session) redact(text string) string { return s.secrets().Text(text) }

// fromRoot is a path as it is shown.
func (s *Session) fromRoot(path string) string {
	if rel, err := filepath.Rel(s.Root, path); s.Root != "" && err == nil && !strings.HasPrefix(rel, "..") {
		return filepath.ToSlash(rel)
	}
	return path
}

// create makes the folder of a run that begins now.
func (s *Session) create(name string) (*store.Folder, error) {
	folder, err := store.CreateOn(s.Disk, s.Out, name)
	if err == nil {
		folder.Clean = s.secrets().OwnFile
	}
	return folder, err
}

// start is when a run began, on the wall clock. In virtual time all runs have the start of the
// session.
func (s *Session) start(virtual bool) time.Time {
	if virtual && !s.Began.IsZero() {
		return s.Began
	}
	return time.Now()
}

// elapsed is how long the session has gone on.
func (s *Session) elapsed() time.Duration {
	if s.Began.IsZero() {
		return 0
	}
	return time.Since(s.Began)
}
