package environment

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/internal/bucket"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// An Environment says where things are and with what credentials; what is
// measured stands in the features.
type Environment struct {
	Root         string         // folder of the module; relative paths count from here
	URLs         []string       // of the server under test, or of its replicas; nil for the mock
	Other        []string       // URLs of the server that it is compared with; nil for none
	Launch       *server.Launch // a server to start; nil for none
	APIKey       string         // bearer token, never written to any output
	KeyFile      string         // where it stands; "" for nowhere
	KeyCommand   []string       // what tells it; nil for nothing
	Headers      []credentials.Header
	Model        string           // model to ask for; "" for the first one served
	MetricsURLs  []string         // where to scrape; nil for URL/metrics
	MetricsKey   string           // bearer token for those, never written to any output
	EngineHeader string           // of answers, that names the engine behind a gateway; "": the well-known ones
	GPUsURLs     []string         // the pages of exporters of the server's GPUs; nil for none
	RealTime     bool             // the mock in real time over TCP
	OnlyReal     bool             // the mock is not measured, not even where a feature asks for it
	Dir          string           // working directory of the test, where data may lie too; "" for Root
	Test         string           // its name, for -run; "" for TestFeatures
	Program      string           // that runs the features; "" for go test
	Features     []string         // files and folders
	Lines        map[string][]int // of the files of which only some scenarios are run
	Out          string           // folder of the runs
	Bucket       *bucket.Address  // that they are sent to besides; nil: none
	Store        bucket.Settings  // by which it is asked
	Tags         string           // godog's tag expression
	Metrics      string           // address of the page for Prometheus; "" for none
	OTLP         bool             // runs are sent to an OpenTelemetry collector
	Lenient      bool             // an unknown verdict is a warning
	Dashboard    string           // address of the live page; "" for none
	Summary      string           // GitHub's file for a step's summary; "" outside its actions
	Annotate     bool             // GitHub reads annotations from the output
	Workspace    string           // where GitHub's actions check out; "" outside of them
	AnyPort      bool             // just this address was not asked for: another port will do
	HubEndpoint  string           // address of Hugging Face's Hub, or of another; "" for its own
	HubToken     string           // for data sets on it, never written to any output
	PromptsDB    string           // database that queries for prompts are run against; "" for none
	History      string           // database of the history that several machines share; "" for none
	Branch       string           // that the features are on in git, as the CI system says; "" where it does not
	TLS          *tls.Config

	Prometheus sampler.PrometheusServer // that scrapes the engines, in place of MetricsURLs; without a URL: none
	Selector   string                   // of the engines' series in it

	Resolver sampler.Resolver // finds the addresses of hosts in MetricsURLs; nil: the system's

	Disk *disk.Disk // where all is written; nil: the system's

	OTLPProtocol string // as OpenTelemetry's variables name it

	known *redact.Secrets // of the environment that it was read from; nil: none
}

// reservedVars are variables whose meaning is settled but which this version cannot
// honour. Ignoring one would measure something else than was asked for.
func reservedVars() map[string]string {
	return map[string]string{
		"VLLMSPEC_SHARD": "this version loads from one machine only; unset it",
	}
}

// Read reads and checks the variables, given as os.Environ gives
// them, for tests in a module whose features lie in its folder features. It reports
// everything that is wrong, not the first thing only.
func Read(root string, environ []string) (Environment, error) {
	return ReadAt(Place{Root: root, Features: filepath.Join(root, "features")}, environ)
}

// ReadAt is [Read] for tests anywhere in a module.
func ReadAt(at Place, environ []string) (Environment, error) {
	vars := map[string]string{}
	errs := []error{blank(environ)}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && value != "" && !(saysNothing(value) && slices.Contains(serverVars(), name)) {
			vars[name] = value
		}
	}
	env := Environment{known: redact.OfEnvironment(environ),
		Root: at.Root, Dir: at.Dir, Test: at.Test, Program: at.Program, APIKey: vars["VLLM_API_KEY"], Model: vars["VLLM_MODEL"], Tags: vars["GODOG_TAGS"], HubEndpoint: vars["HF_ENDPOINT"], HubToken: vars["HF_TOKEN"],
		Summary: vars["GITHUB_STEP_SUMMARY"], Annotate: vars["GITHUB_ACTIONS"] == "true",
		Out: filepath.Join(at.Root, "reports", "out"), Features: []string{at.Features}, Workspace: vars["GITHUB_WORKSPACE"],
	}
	errs = append(errs, misspelt(vars)...)
	for name, why := range reservedVars() {
		if vars[name] != "" {
			errs = append(errs, fmt.Errorf("%s: %s", name, why))
		}
	}
	errs = append(errs, env.readTarget(vars), env.readPaths(vars), env.readTLS(vars), env.readChoices(vars), env.readExport(vars), env.readKey(vars), env.readPromptsDB(vars), env.readHistory(vars), env.readLaunch(vars, environ))
	slices.SortStableFunc(errs, func(a, b error) int { return strings.Compare(text(a), text(b)) })
	mistakes := errors.Join(errs...)
	if shown := plain.Lines(env.Secrets().Text(text(mistakes))); shown != text(mistakes) {
		mistakes = &redact.Error{Text: shown, Err: mistakes}
	}
	return env, mistakes
}

// Secrets are those of the environment, which no output shows.
func (e Environment) Secrets() *redact.Secrets {
	secrets := e.known
	if secrets == nil {
		secrets = new(redact.Secrets)
	}
	secrets.Add(e.APIKey, e.MetricsKey, e.HubToken, e.Prometheus.Token)
	secrets.AddURL(e.Prometheus.URL)
	for _, h := range e.Headers {
		if !strings.EqualFold(h.Name, "Host") {
			secrets.Add(h.Value)
		}
	}
	for _, address := range slices.Concat(e.URLs, e.Other, e.MetricsURLs, e.GPUsURLs) {
		plain, _ := sampler.WithoutDNS(address)
		secrets.AddURL(plain)
	}
	if e.Launch != nil {
		secrets.AddEnvironment(e.Launch.Environ)
		secrets.AddWords(slices.Concat(e.Launch.Command, e.Launch.Args))
	}
	secrets.AddWords(e.KeyCommand)
	secrets.AddURL(e.PromptsDB)
	secrets.AddURL(e.History)
	return secrets
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (e *Environment) readTarget(vars map[string]string) error {
	var err error
	if e.URLs, err = readURLs(vars, "VLLM_URL"); err != nil {
		return err
	}
	if e.Other, err = readURLs(vars, "VLLM_URL_B"); err != nil {
		return err
	}
	if e.Other != nil && vars["VLLM_URL"]+vars["VLLM_COMMAND"]+vars["VLLM_IMAGE"] == "" {
		return errors.New("VLLM_URL_B is the server that another one is compared with; set VLLM_URL to that one")
	}
	if err := errors.Join(e.readPages(vars), e.readEngines(vars)); err != nil {
		return err
	}
	return e.readOrigin(vars)
}

// readOrigin reads whether the mock is to be measured, or a real server only.
func (e *Environment) readOrigin(vars map[string]string) error {
	named := withValue(vars, "VLLM_COMMAND", "VLLM_IMAGE", "VLLM_URL")
	switch target := vars["VLLMSPEC_TARGET"]; target {
	case "":
	case "mock":
		e.RealTime = true
		named = append(named, "VLLMSPEC_TARGET")
	case "live":
		if e.OnlyReal = true; named == nil {
			return errors.New("VLLMSPEC_TARGET=live measures a real server, and none is named: set VLLM_URL to its base URL, or VLLM_COMMAND or VLLM_IMAGE to what starts it")
		}
	default:
		return fmt.Errorf("VLLMSPEC_TARGET is %q; it can be \"mock\" or \"live\"", target)
	}
	if len(named) > 1 {
		return fmt.Errorf("%s name two servers; unset one", strings.Join(named, " and "))
	}
	return nil
}

// readPages reads where metrics are, and the key to those of the server.
func (e *Environment) readPages(vars map[string]string) (err error) {
	if e.MetricsURLs, err = readList(vars, "VLLM_METRICS_URL", sampler.WithoutDNS); err != nil {
		return err
	}
	if e.GPUsURLs, err = readList(vars, "DCGM_METRICS_URL", func(page string) (string, bool) { return page, false }); err != nil {
		return err
	}
	if e.MetricsKey = vars["VLLM_METRICS_API_KEY"]; e.MetricsKey != "" && e.MetricsURLs == nil {
		return errors.New("VLLM_METRICS_API_KEY is sent to the hosts of VLLM_METRICS_URL only; set that too")
	}
	return nil
}

// readList reads the addresses of pages, with commas between. What may stand before an address is cut off to check it.
func readList(vars map[string]string, name string, cut func(string) (address string, found bool)) (urls []string, err error) {
	if vars[name] == "" {
		return nil, nil
	}
	for one := range strings.SplitSeq(vars[name], ",") {
		one = strings.TrimSpace(one)
		address, _ := cut(one)
		if _, err := server.ParseURL(address); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if slices.Contains(urls, one) {
			return nil, fmt.Errorf("%s: a page is named twice", name)
		}
		urls = append(urls, one)
	}
	return urls, nil
}

// readURLs reads the base URLs of a server, of its replicas with commas between.
func readURLs(vars map[string]string, name string) (urls []string, err error) {
	if vars[name] == "" {
		return nil, nil
	}
	for one := range strings.SplitSeq(vars[name], ",") {
		base, err := server.ParseURL(strings.TrimSpace(one))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		urls = append(urls, base)
	}
	if _, err := server.At(urls...); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return urls, nil
}

func (e *Environment) readPaths(vars map[string]string) error {
	if out := vars["VLLMSPEC_OUT"]; bucket.IsAddress(out) {
		at, err := bucket.Parse(out)
		if err != nil {
			return fmt.Errorf("VLLMSPEC_OUT: %w", err)
		}
		e.Bucket, e.Store = &at, bucket.SettingsOf(func(name string) string { return vars[name] })
	} else if out != "" {
		e.Out = e.FromRoot(out)
	}
	if list := vars["VLLMSPEC_FEATURES"]; list != "" {
		return e.readFeatures(list)
	}
	return nil
}

// FromRoot is an absolute path: a relative one counts from the folder of the module.
func (e *Environment) FromRoot(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(e.Root, path)
}

// Live reports whether scenarios that do not ask for a simulated server run in
// real time.
func (e *Environment) Live() bool { return e.URLs != nil || e.Launch != nil || e.RealTime }

func (e *Environment) readChoices(vars map[string]string) error {
	switch choice := vars["VLLMSPEC_UNKNOWN"]; choice {
	case "", "fail":
	case "warn":
		e.Lenient = true
	default:
		return fmt.Errorf("VLLMSPEC_UNKNOWN is %q; it can be \"fail\" or \"warn\"", choice)
	}
	return e.readDashboard(vars)
}
