package interfaces

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// firstTimeout is how long a first answer is waited for: kernels may have to be compiled.
const firstTimeout = 3 * time.Minute

// firstTokens is how long a first answer may be: some servers refuse less.
const firstTokens = 16

// firstSalt keeps what is asked before a load from being found by it in a prefix cache.
const firstSalt = "first answer"

// Reach has every replica of a server asked one of the load's prompts over the interface, before the
// load. It returns the client that asks all of them, and what the server tells of itself. The error of a server
// that does not have the interface names those that it has.
func (in Interface) Reach(ctx context.Context, fleet *openai.Fleet, first harness.Prompt) (harness.Client, openai.Server, error) {
	if err := in.Lacking(first); err != nil {
		return nil, openai.Server{}, err
	}
	about, err := fleet.Find(ctx)
	if err == nil && in.Takes == Questions {
		err = fleet.LearnChats(ctx, &about, first)
	}
	if err != nil {
		return nil, about, err
	}
	ctx, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	first.CacheSalt, first.MediaSalt, first.Request = firstSalt, firstSalt, nil
	if in.Answers.Generates() {
		first.MaxTokens, first.MinTokens, first.IgnoreEOS = firstTokens, 0, false
	}
	all, paths := new(client.Fleet[client.Replica]), in.Paths
	for _, c := range fleet.Replicas {
		began := time.Now()
		path, err := in.first(ctx, c, paths, first)
		if err != nil {
			return nil, about, c.CleanError(err)
		}
		about.Answered = max(about.Answered, time.Since(began))
		paths = []string{path} // a body is made once for all of them, with its path
		all.Replicas = append(all.Replicas, in.Over(c, path))
	}
	return all, about, nil
}

// Replicas are the clients of the replicas that a client of [Interface.Reach] asks; none of another client.
func Replicas(c harness.Client) (all []harness.Client) {
	if fleet, ok := c.(*client.Fleet[client.Replica]); ok {
		for _, one := range fleet.Replicas {
			all = append(all, one)
		}
	}
	return all
}

// first finds the first of some paths at which a server answers a prompt.
func (in Interface) first(ctx context.Context, c *openai.Client, paths []string, p harness.Prompt) (string, error) {
	var absent error
	for _, path := range paths {
		err := asked(ctx, in.Over(c, path), p)
		switch {
		case err == nil:
			return path, nil
		case !missing(err) && !unsupported(err):
			return "", fmt.Errorf("a first request over %q to the server at %s did not succeed: %w", in.Name, c.Where(), err)
		}
		absent = err
	}
	return "", fmt.Errorf("the server at %s does not serve %q, or not for this model (%w)%s", c.Where(), in.Name, absent, served(ctx, c))
}

// asked asks a prompt, and reads the answer to its end.
func asked(ctx context.Context, r client.Replica, p harness.Prompt) error {
	for _, err := range r.Ask(ctx, p) {
		if err != nil {
			return err
		}
	}
	return nil
}

// served names the interfaces that a server has, as the rest of a sentence; "" where that cannot be found out.
func served(ctx context.Context, c *openai.Client) string {
	has := described(ctx, c)
	if has == nil {
		has = func(path string) bool { return answers(ctx, c, path) }
	}
	all := slices.DeleteFunc(All(), func(in Interface) bool { return !slices.ContainsFunc(in.Paths, has) })
	if len(all) == 0 {
		return ""
	}
	return "; it serves " + quoted(all)
}

// described looks paths up in the description that vLLM gives of itself; nil where a server gives none.
func described(ctx context.Context, c *openai.Client) (has func(path string) bool) {
	reply, err := c.Get(ctx, "/openapi.json")
	if err != nil || reply.Status != http.StatusOK || !gjson.ValidBytes(reply.Body) {
		return nil
	}
	paths := map[string]bool{}
	gjson.GetBytes(reply.Body, "paths").ForEach(func(path, methods gjson.Result) bool {
		paths[path.Str] = methods.Get("post").Exists()
		return true
	})
	if len(paths) == 0 {
		return nil
	}
	return func(path string) bool { return paths[path] }
}

// answers reports whether something at a path looks at what it is sent: at an empty request, which it refuses.
func answers(ctx context.Context, c *openai.Client, path string) bool {
	reply, err := c.Send(ctx, http.MethodPost, path, strings.NewReader("{}"))
	return err == nil && !isMissing(reply.Status) && reply.Status < http.StatusInternalServerError && !saysUnsupported(string(reply.Body))
}

// missing reports whether a server has nothing at the path that was asked, or not the model there.
func missing(err error) bool {
	asked, ok := errors.AsType[*harness.AskError](err)
	return ok && isMissing(asked.HTTPStatus)
}

func isMissing(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented
}

// unsupported reports whether a server refuses to do with its model what it was asked, as vLLM's versions say it
// that have every path with every model.
func unsupported(err error) bool {
	asked, ok := errors.AsType[*harness.AskError](err)
	return ok && asked.HTTPStatus == http.StatusBadRequest && saysUnsupported(err.Error())
}

func saysUnsupported(words string) bool { return strings.Contains(words, "does not support") }
