// Package pullrequest writes the results of a go test into the pull request of GitHub, or the merge request of
// GitLab, that a pipeline runs for: one comment, which the next run of the same job replaces.
package pullrequest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrNone is the error of [Find] where a pipeline runs for no pull request.
var ErrNone = errors.New("this runs for no pull request")

// A Request is a pull request, or a merge request, with what its forge needs to be asked.
type Request struct {
	comments string              // the URL of all its comments
	comment  func(id int) string // the URL of one of them
	change   string              // the HTTP method that changes one
	header   http.Header         // the credentials
	name     string              // of the workflow and the job, which tells its comment from those of others
}

// Find is the pull request that the environment of a CI system names. ErrNone where it names none. A name takes the
// place of the job's where one is given, since the legs of a matrix are one job.
//
// https://docs.github.com/actions/reference/workflows-and-actions/variables
// https://docs.gitlab.com/ci/variables/predefined_variables
func Find(getenv func(string) string, name string) (Request, error) {
	switch {
	case getenv("GITHUB_ACTIONS") != "":
		return github(getenv, name)
	case getenv("GITLAB_CI") != "":
		return gitlab(getenv, name)
	}
	return Request{}, fmt.Errorf("%w: neither GITHUB_ACTIONS nor GITLAB_CI is set", ErrNone)
}

// github reads what GitHub Actions sets. The number of a pull request is in the name of the ref alone.
func github(getenv func(string) string, name string) (Request, error) {
	number, found := strings.CutPrefix(getenv("GITHUB_REF"), "refs/pull/")
	number, _, _ = strings.Cut(number, "/")
	if !found || number == "" {
		return Request{}, fmt.Errorf("%w: GITHUB_REF is %q, and that of a pull request begins with refs/pull/", ErrNone, getenv("GITHUB_REF"))
	}
	values, err := required(getenv, "GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN")
	if err != nil {
		return Request{}, err
	}
	name = cmp.Or(name, getenv("GITHUB_JOB"))
	if workflow := getenv("GITHUB_WORKFLOW"); workflow != "" {
		name = workflow + " / " + name
	}
	issues := strings.TrimSuffix(values[0], "/") + "/repos/" + values[1] + "/issues"
	return Request{
		comments: issues + "/" + url.PathEscape(number) + "/comments",
		comment:  func(id int) string { return fmt.Sprintf("%s/comments/%d", issues, id) },
		change:   http.MethodPatch,
		header:   http.Header{"Authorization": {"Bearer " + values[2]}, "Accept": {"application/vnd.github+json"}},
		name:     name,
	}, nil
}

// gitlab reads what GitLab CI sets, and GITLAB_TOKEN: a job's own token must not write notes.
func gitlab(getenv func(string) string, name string) (Request, error) {
	if getenv("CI_MERGE_REQUEST_IID") == "" {
		return Request{}, fmt.Errorf("%w: CI_MERGE_REQUEST_IID is not set; let the job run in merge request pipelines", ErrNone)
	}
	values, err := required(getenv, "CI_API_V4_URL", "CI_PROJECT_ID", "GITLAB_TOKEN")
	if err != nil {
		return Request{}, err
	}
	notes := fmt.Sprintf("%s/projects/%s/merge_requests/%s/notes", strings.TrimSuffix(values[0], "/"), url.PathEscape(values[1]), url.PathEscape(getenv("CI_MERGE_REQUEST_IID")))
	return Request{
		comments: notes,
		comment:  func(id int) string { return fmt.Sprintf("%s/%d", notes, id) },
		change:   http.MethodPut,
		header:   http.Header{"Private-Token": {values[2]}},
		name:     cmp.Or(name, getenv("CI_JOB_NAME")),
	}, nil
}

// required are the values of variables that must be set.
func required(getenv func(string) string, names ...string) (values []string, err error) {
	for _, name := range names {
		if getenv(name) == "" {
			err = errors.Join(err, fmt.Errorf("%s is not set, and a comment cannot be written without it", name))
		}
		values = append(values, getenv(name))
	}
	return values, err
}

// Write writes a comment of Markdown: it replaces the one that this job wrote before, or adds one.
func (r Request) Write(ctx context.Context, markdown string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	id, err := r.find(ctx)
	if err != nil {
		return err
	}
	method, at := http.MethodPost, r.comments
	if id != 0 {
		method, at = r.change, r.comment(id)
	}
	body, err := json.Marshal(map[string]string{"body": fit(r.mark() + "\n" + markdown)})
	if err != nil {
		return err
	}
	return r.ask(ctx, method, at, body, nil)
}

// mark is the first line of the job's comment. Markdown does not show it.
func (r Request) mark() string {
	return "<!-- vllmspec: " + strings.ReplaceAll(r.name, "--", "- -") + " -->"
}

// find is the id of the comment that this job wrote before; 0 for none.
func (r Request) find(ctx context.Context) (id int, err error) {
	const each, pages = 100, 50 // comments of a page, and pages
	for page := 1; page <= pages; page++ {
		var comments []struct {
			ID   int    `json:"id"`
			Body string `json:"body"`
		}
		if err := r.ask(ctx, http.MethodGet, fmt.Sprintf("%s?per_page=%d&page=%d", r.comments, each, page), nil, &comments); err != nil {
			return 0, err
		}
		for _, c := range comments {
			if strings.HasPrefix(c.Body, r.mark()) {
				return c.ID, nil
			}
		}
		if len(comments) < each {
			break
		}
	}
	return 0, nil
}

// client follows no redirect: it would take the credentials along.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// ask sends a request to the forge, and decodes its answer if it is asked to.
func (r Request) ask(ctx context.Context, method, at string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = r.header.Clone()
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	const largest = 32 << 20
	raw, err := io.ReadAll(io.LimitReader(response.Body, largest))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, at, err)
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s answered %s: %s%s", method, at, response.Status, excerpt(raw), permission(response.StatusCode))
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("%s %s: %w", method, at, err)
	}
	return nil
}

// permission says what a token lacks, where the status says that it lacks something.
func permission(status int) string {
	if status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound {
		return "; on GitHub the job needs `permissions: pull-requests: write`, on GitLab GITLAB_TOKEN the scope api"
	}
	return ""
}

// excerpt is the start of an answer, in one line.
func excerpt(raw []byte) string {
	const longest = 200
	return string(bytes.Join(bytes.Fields(raw[:min(len(raw), longest)]), []byte(" ")))
}

// most is how many bytes a comment of GitHub may have.
const most = 65_536

// fit cuts a comment after a line where it is longer than GitHub takes.
func fit(text string) string {
	const note = "\n\nThe rest is in summary.md of the output folder.\n"
	if len(text) <= most {
		return text
	}
	text = text[:most-len(note)]
	return text[:strings.LastIndexByte(text, '\n')+1] + note
}
