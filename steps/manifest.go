package steps

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/store"
)

// manifest is run.json: what the run knows, and what only we know of the server
// and of how the scenario ended.
func (w *world) manifest(cause error) store.Manifest {
	m := store.NewManifest(w.folder.Run(), w.run)
	m.Trial = w.about
	about := w.served.about
	m.Server = store.Server{Kind: w.served.Kind, URL: w.served.Where(), Model: about.Model, Version: about.Version, MaxModelLen: about.MaxModelLen,
		Card: about.Card, Config: about.Config, Command: w.startedBy()}
	for _, gpu := range w.gpus {
		m.Server.GPUs = append(m.Server.GPUs, store.GPU(gpu))
	}
	if m.Tool.Commit == "" {
		m.Tool.Commit = w.suite.commit
	}
	if w.facts != nil {
		w.facts.Complete(&m)
	}
	if w.accounts != nil {
		m.Agreement = w.accounts.Agreements()
	}
	if cause != nil {
		m.Failure = cause.Error()
	}
	return m
}

// startedBy is the command line, or the image and its arguments, of a server that we
// started, without secrets; nil where we did not.
func (w *world) startedBy() (words []string) {
	launch := w.suite.env.Launch
	if launch == nil || !w.served.shared {
		return nil
	}
	words = slices.Clone(launch.Command)
	if launch.Image != "" {
		words = append(words, launch.Image)
	}
	words = append(words, launch.Args...)
	for i := range words {
		words[i] = w.suite.redact(words[i])
	}
	return words
}

// commitOf is the commit that a folder is at in git, with "-dirty" where something
// was changed since; "" where there is no git, or it does not tell in time.
func commitOf(folder string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", folder}, args...)...).Output()
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
