// Package comment writes the results of the last run into a pull request.
package comment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/open"
	"github.com/vllmspec/vllmspec/internal/pullrequest"
)

// Command writes a comment.
func Command() command.Command {
	return command.Command{Name: "comment", Usage: "[--out FOLDER] [--name NAME] [--badge-url URL]", Run: run,
		Does: "writes the last results into the pull request of a pipeline",
		Example: `vllmspec comment                   # in GitHub Actions, with GITHUB_TOKEN
			vllmspec comment --out nightly     # in GitLab CI, with GITLAB_TOKEN`}
}

func run(call *command.Call) error {
	flags := call.Flags()
	out := flags.String("out", "", "`folder` of the results (default VLLMSPEC_OUT, or reports/out)")
	name := flags.String("name", "", "`name` by which the next run finds the comment to replace; the legs of a matrix need one each (default: the job's)")
	badge := flags.String("badge-url", "", "`URL` at which badge.svg is published, to be shown above the results; a comment cannot hold the picture itself")
	others, err := flags.Read()
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return command.Mistakef("it takes no arguments, and comments on the pull request that CI names: vllmspec comment")
	}
	picture, err := badgeAt(*badge)
	if err != nil {
		return err
	}
	path := filepath.Join(open.Folder(call, *out), "summary.md")
	summary, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return command.Mistakef("there is no %s: vllmspec test and go test write it when they end", path)
	}
	if err != nil {
		return err
	}
	request, err := pullrequest.Find(call.Variable, *name)
	if errors.Is(err, pullrequest.ErrNone) {
		fmt.Fprintf(call.Out, "no comment: %v\n", err) // a pipeline of a branch is no mistake
		return nil
	}
	if err != nil {
		return &command.Mistake{Err: err}
	}
	return request.Write(context.Background(), picture+string(summary))
}

// badgeAt is Markdown for the badge at a URL; "" where none is given.
func badgeAt(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return "", command.Mistakef("--badge-url %q is no address of a picture; write https://host/badge.svg", raw)
	}
	return "![SLOs](<" + u.String() + ">)\n\n", nil
}
