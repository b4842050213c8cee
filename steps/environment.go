package steps

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/spelling"
)

// An Environment says where things are and with what credentials; what is
// measured stands in the features.
type Environment struct {
	Root       string         // folder of the module; relative paths count from here
	URLs       []string       // of the server under test, or of its replicas; nil for the mock
	Other      []string       // URLs of the server that it is compared with; nil for none
	Launch     *server.Launch // a server to start; nil for none
	APIKey     string         // bearer token, never written to any output
	KeyFile    string         // where it stands; "" for nowhere
	KeyCommand []string       // what tells it; nil for nothing
	Headers    []credentials.Header
	Model      string   // model to ask for; "" for the first one served
	MetricsURL string   // where to scrape; "" for URL/metrics
	GPUsURL    string   // the page of an exporter of the server's GPUs; "" for none
	RealTime   bool     // the mock in real time over TCP
	Features   []string // files and folders
	Out        string   // folder of the runs
	Tags       string   // godog's tag expression
	Metrics    string   // address of the page for Prometheus; "" for none
	OTLP       bool     // runs are sent to an OpenTelemetry collector
	Lenient    bool     // an unknown verdict is a warning
	Dashboard  string   // address of the live page; "" for none
	Summary    string   // GitHub's file for a step's summary; "" outside its actions
	Annotate   bool     // GitHub reads annotations from the output
	AnyPort    bool     // nobody asked for just this address: another port will do
	TLS        *tls.Config

	OTLPProtocol string // as OpenTelemetry's variables name it
}

// later are variables whose meaning is settled but which this version cannot
// honour. Ignoring one would measure something else than was asked for.
func later() map[string]string {
	return map[string]string{
		"VLLMSPEC_DB":    "this version keeps no history database; unset it",
		"VLLMSPEC_SHARD": "this version loads from one machine only; unset it",
	}
}

// own are the variables of vllmspec's own name space.
func own() []string {
	return []string{"VLLMSPEC_FEATURES", "VLLMSPEC_TARGET", "VLLMSPEC_OUT", "VLLMSPEC_DB",
		"VLLMSPEC_DASHBOARD", "VLLMSPEC_METRICS", "VLLMSPEC_SHARD", "VLLMSPEC_UNKNOWN"}
}

// ReadEnvironment reads and checks the variables, given as os.Environ gives
// them. It reports everything that is wrong, not the first thing only.
func ReadEnvironment(root string, environ []string) (Environment, error) {
	vars := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && value != "" {
			vars[name] = value
		}
	}
	env := Environment{
		Root: root, APIKey: vars["VLLM_API_KEY"], Model: vars["VLLM_MODEL"], Tags: vars["GODOG_TAGS"],
		Summary: vars["GITHUB_STEP_SUMMARY"], Annotate: vars["GITHUB_ACTIONS"] == "true",
		Out: filepath.Join(root, "reports", "out"), Features: []string{filepath.Join(root, "features")},
	}
	errs := unknown(vars)
	for name, why := range later() {
		if vars[name] != "" {
			errs = append(errs, fmt.Errorf("%s: %s", name, why))
		}
	}
	errs = append(errs, env.readTarget(vars), env.readPaths(vars), env.readTLS(vars), env.readChoices(vars), env.readExport(vars), env.readKey(vars), env.readLaunch(vars, environ))
	slices.SortStableFunc(errs, func(a, b error) int { return strings.Compare(text(a), text(b)) })
	return env, errors.Join(errs...)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func unknown(vars map[string]string) (errs []error) {
	for name := range vars {
		if strings.HasPrefix(name, "VLLMSPEC_") && !slices.Contains(own(), name) {
			errs = append(errs, fmt.Errorf("%s is no variable of vllmspec%s", name, spelling.DidYouMean(name, own())))
		}
	}
	return errs
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
	if raw := vars["VLLM_METRICS_URL"]; raw != "" {
		if _, err := server.ParseURL(raw); err != nil {
			return fmt.Errorf("VLLM_METRICS_URL: %w", err)
		}
		e.MetricsURL = raw
	}
	if raw := vars["DCGM_METRICS_URL"]; raw != "" {
		if _, err := server.ParseURL(raw); err != nil {
			return fmt.Errorf("DCGM_METRICS_URL: %w", err)
		}
		e.GPUsURL = raw
	}
	if target := vars["VLLMSPEC_TARGET"]; target != "" && target != "mock" {
		return fmt.Errorf("VLLMSPEC_TARGET is %q; it can only be \"mock\"", target)
	}
	e.RealTime = vars["VLLMSPEC_TARGET"] == "mock"
	var named []string
	for _, name := range []string{"VLLM_COMMAND", "VLLM_IMAGE", "VLLM_URL", "VLLMSPEC_TARGET"} {
		if vars[name] != "" {
			named = append(named, name)
		}
	}
	if len(named) > 1 {
		return fmt.Errorf("%s name two servers; unset one", strings.Join(named, " and "))
	}
	return nil
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
	if out := vars["VLLMSPEC_OUT"]; strings.Contains(out, "://") {
		return fmt.Errorf("VLLMSPEC_OUT is %q; this version stores runs in a folder only", out)
	} else if out != "" {
		e.Out = e.fromRoot(out)
	}
	if list := vars["VLLMSPEC_FEATURES"]; list != "" {
		e.Features = nil
		for _, path := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == filepath.ListSeparator }) {
			path = e.fromRoot(strings.TrimSpace(path))
			if _, err := os.Stat(path); err != nil {
				return fmt.Errorf("VLLMSPEC_FEATURES: there is no file or folder %s", path)
			}
			e.Features = append(e.Features, path)
		}
	}
	return nil
}

func (e *Environment) fromRoot(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(e.Root, path)
}

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
