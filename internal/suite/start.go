package suite

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/experiment"
)

// newSession is what runs the experiments of a suite, as the environment says.
func (s *Suite) newSession() *experiment.Session {
	env := s.env
	session := &experiment.Session{
		Out: env.Out, Disk: env.Disk, Root: env.Root, Began: s.began, Deadline: s.limit, Interrupt: s.interrupt, Secrets: s.secrets, Commit: s.commit,
		Place: experiment.Place{URLs: env.URLs, Other: env.Other, Launch: env.Launch, TLS: env.TLS, Token: s.access, Headers: env.Headers, Model: env.Model,
			MetricsURLs: env.MetricsURLs, MetricsKey: env.MetricsKey, GPUsURLs: env.GPUsURLs},
		Remedies: experiment.Remedies{
			Key:        env.KeyRemedy(),
			MetricsKey: "it does not accept VLLM_METRICS_API_KEY",
			OtherHost:  "set VLLM_METRICS_API_KEY",
			RemoteGPUs: "; set DCGM_METRICS_URL to where its GPUs' exporter is (NVIDIA's dcgm-exporter, or AMD's device-metrics-exporter)",
			OtherGPUs:  "DCGM_METRICS_URL is where the GPUs of the first server are",
			Out:        "; set VLLMSPEC_OUT to a folder that can be written",
			ColdCache:  "; add: And the prefix cache is cold",
		},
		Listener: listener{s}, Watcher: watcher{s}, Export: s.export,
	}
	if env.Launch != nil {
		launch := *env.Launch
		launch.Progress = func(format string, args ...any) { fmt.Fprintf(s.progress, "    "+format, args...) }
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

// access is the token with which all requests go, once for all scenarios.
func (s *Suite) access(ctx context.Context) (_ *credentials.Token, err error) {
	switch env := s.env; {
	case s.token != nil:
	case env.KeyFile != "":
		if s.token, err = credentials.InFile(env.KeyFile); err != nil {
			return nil, fmt.Errorf("VLLM_API_KEY_FILE: %w", err)
		}
	case env.KeyCommand != nil:
		if s.token, err = credentials.FromCommand(ctx, env.Root, env.KeyCommand, s.secrets); err != nil {
			return nil, fmt.Errorf("VLLM_API_KEY_COMMAND: %w", err)
		}
	default:
		s.token = credentials.Fixed(env.APIKey)
	}
	s.token.Tell(s.secrets)
	return s.token, nil
}

// leave stops what was started for all scenarios.
func (s *Suite) leave() {
	s.session.Close()
	if s.page != nil {
		s.page.Close()
	}
	s.token.Close()
	s.token = nil
}

// commitOf is the commit that a folder is at in git, with "-dirty" where something
// was changed since; "" where there is no git, or it does not tell in time.
func commitOf(folder string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-C", folder}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "HEAD")
	if err != nil {
		return ""
	}
	if changed, err := git("status", "--porcelain", "--untracked-files=no"); err != nil || changed != "" {
		commit += "-dirty"
	}
	return commit
}
