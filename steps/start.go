package steps

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/server"
)

// start is the server that serves all scenarios of one go test; the first that
// needs it starts it. One that could not be started is not tried again.
func (s *Suite) start(ctx context.Context) (*server.Server, error) {
	if s.server != nil || s.failed != nil {
		return s.server, s.failed
	}
	if err := os.MkdirAll(s.env.Out, 0o755); err != nil {
		return nil, err
	}
	launch := *s.env.Launch
	launch.Log = filepath.Join(s.env.Out, "server.log")
	launch.Redact = s.redact
	launch.Progress = func(format string, args ...any) { fmt.Fprintf(s.progress, "    "+format, args...) }
	s.server, s.failed = server.Start(ctx, launch)
	if ctx.Err() != nil {
		s.failed = nil // it was not the server's fault
	}
	return s.server, s.failed
}

// access is the token with which all requests go, once for all scenarios.
func (s *Suite) access(ctx context.Context) (_ *credentials.Token, err error) {
	switch env := s.env; {
	case s.token != nil:
	case env.KeyFile != "":
		if s.token, err = credentials.InFile(env.KeyFile); err != nil {
			return nil, fmt.Errorf("VLLM_API_KEY_FILE: %w", err)
		}
	case env.KeyCommand != nil:
		if s.token, err = credentials.FromCommand(ctx, env.Root, env.KeyCommand); err != nil {
			return nil, fmt.Errorf("VLLM_API_KEY_COMMAND: %w", err)
		}
	default:
		s.token = credentials.Fixed(env.APIKey)
	}
	return s.token, nil
}

// redact takes all that is secret in the environment out of a text.
func (s *Suite) redact(text string) string {
	secrets := []string{s.env.APIKey}
	for _, h := range s.env.Headers {
		secrets = append(secrets, h.Value)
	}
	if s.env.Launch != nil {
		secrets = append(secrets, s.env.Launch.Secrets()...)
	}
	return credentials.Redact(s.token.Redact(text), secrets...)
}

// leave stops what was started for all scenarios.
func (s *Suite) leave() {
	if s.server != nil {
		s.server.Close()
	}
	if s.page != nil {
		s.page.Close()
	}
	s.token.Close()
	s.server, s.token = nil, nil
}
