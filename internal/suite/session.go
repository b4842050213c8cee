package suite

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/redact"
	"github.com/vllmspec/vllmspec/reports/live"
)

// newSession is what runs the experiments of a suite until the deadline, as the environment says.
func (s *Suite) newSession(deadline time.Time) *experiment.Session {
	env, program := s.env, cmp.Or(s.env.Program, "go test")
	session := &experiment.Session{
		Out: env.Out, Disk: env.Disk, Root: env.Root, Began: time.Now(), Deadline: deadline, Interrupt: s.interrupt, Secrets: s.secrets, Commit: commitOf(env.Root), Branch: cmp.Or(branchOf(env.Root), env.Branch), Past: s.past.ask,
		Place: experiment.Place{URLs: env.URLs, Other: env.Other, Launch: env.Launch, TLS: env.TLS, Token: s.access.get, Headers: env.Headers, Model: env.Model,
			MetricsURLs: env.MetricsURLs, Resolver: env.Resolver, Prometheus: env.Prometheus, Selector: env.Selector, MetricsKey: env.MetricsKey, GPUsURLs: env.GPUsURLs, EngineHeader: env.EngineHeader, Settings: environment.Settings()},
		Remedies: experiment.Remedies{
			Key:        env.KeyRemedy(),
			MetricsKey: "it does not accept VLLM_METRICS_API_KEY",
			OtherHost:  "set VLLM_METRICS_API_KEY",
			RemoteGPUs: "set DCGM_METRICS_URL to where its GPUs' exporter is (NVIDIA's dcgm-exporter, or AMD's device-metrics-exporter)",
			OtherGPUs:  "DCGM_METRICS_URL is where the GPUs of the first server are",
			Out:        "set VLLMSPEC_OUT to a folder that can be written",
			ColdCache:  "add: And the prefix cache is cold",
			Deadline: experiment.DeadlineRemedies{Whose: program, Name: program + "'s -timeout", Longer: "add a longer -timeout, or -timeout 0 for no limit", Narrower: "a longer -timeout gives a narrower answer",
				AtLeast: func(d time.Duration) string { return fmt.Sprintf("add -timeout %v, or -timeout 0 for no limit", d) }},
		},
		Samplers: s.own.samplers, Protocol: s.own.protocol,
		Listener: listener{s}, Watcher: watcher{s.display}, Export: s.exporter.export,
	}
	if env.Launch != nil {
		launch := *env.Launch
		launch.Progress = func(format string, args ...any) { s.display.Note(fmt.Sprintf(format, args...)) }
		session.Place.Launch = &launch
	}
	if env.HasKey() {
		session.Remedies.OtherHost = "VLLM_API_KEY is sent to the host of VLLM_URL only; set VLLM_METRICS_API_KEY for this one"
	}
	if env.OnlyReal {
		session.Place.OnlyReal = "VLLMSPEC_TARGET=live measures real servers only"
	}
	return session
}

// A listener shows what an experiment does where the output goes.
type listener struct{ *Suite }

// Say writes a line, indented below its scenario.
func (l listener) Say(line string) { fmt.Fprintf(l.output, "    %s\n", line) }

// Reach passes on that a stage begins.
func (l listener) Reach(stage Stage) { l.onStage(stage) }

// A watcher has a display show the runs of experiments.
type watcher struct{ *live.Display }

// Watch begins to show a run.
func (w watcher) Watch(s harness.Scenario, m experiment.Manifest, stop func()) experiment.Watch {
	return w.Display.Watch(s, m, stop)
}

// access is the token with which all requests go, once for all scenarios.
type access struct {
	env     *environment.Environment
	secrets *redact.Secrets
	token   *credentials.Token // nil until one is needed
}

// get is the token, once it is needed.
func (a *access) get(ctx context.Context) (_ *credentials.Token, err error) {
	switch {
	case a.token != nil:
	case a.env.KeyFile != "":
		if a.token, err = credentials.InFile(a.env.KeyFile); err != nil {
			return nil, fmt.Errorf("VLLM_API_KEY_FILE: %w", err)
		}
	case a.env.KeyCommand != nil:
		if a.token, err = credentials.FromCommand(ctx, a.env.Root, a.env.KeyCommand, a.secrets); err != nil {
			return nil, fmt.Errorf("VLLM_API_KEY_COMMAND: %w", err)
		}
	default:
		a.token = credentials.Fixed(a.env.APIKey)
	}
	a.token.Tell(a.secrets)
	return a.token, nil
}

// close stops what renews the token.
func (a *access) close() {
	a.token.Close()
	a.token = nil
}

// gitPatience is how long git may take.
const gitPatience = 5 * time.Second

// commitOf is the commit that a folder is at in git, with "-dirty" where something
// was changed since; "" where there is no git, or it does not tell in time.
func commitOf(folder string) string {
	ctx, cancel := context.WithTimeout(context.Background(), gitPatience)
	defer cancel()
	commit, err := git(ctx, folder, "rev-parse", "HEAD")
	if err != nil {
		return ""
	}
	if changed, err := git(ctx, folder, "status", "--porcelain", "--untracked-files=no"); err != nil || changed != "" {
		commit += "-dirty"
	}
	return commit
}

// branchOf is the branch that a folder is on in git; "" where it is on none, or git does not tell.
func branchOf(folder string) string {
	ctx, cancel := context.WithTimeout(context.Background(), gitPatience)
	defer cancel()
	branch, err := git(ctx, folder, "symbolic-ref", "--quiet", "--short", "HEAD")
	if err != nil {
		return ""
	}
	return branch
}

// git is what git prints of a folder.
func git(ctx context.Context, folder string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-C", folder}, args...)...).Output()
	return strings.TrimSpace(string(out)), err
}
