package features

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/vllm"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/internal/suite"
)

// A readiness waits until servers answer. One that loads its model takes minutes, and where a cluster starts it
// together with the tests, nothing else makes them wait.
type readiness struct {
	client    *http.Client
	limit     time.Duration
	interrupt *suite.Interrupt
}

// awaitServers waits for the servers of an environment, for at most this long.
func awaitServers(call *command.Call, env environment.Environment, limit time.Duration, interrupt *suite.Interrupt) error {
	urls := slices.Concat(env.URLs, env.Other)
	if len(urls) == 0 {
		return command.Mistakef("--wait is for a server at an address, and none is named: give --url, or set VLLM_URL")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = env.TLS
	defer transport.CloseIdleConnections()
	r := readiness{limit: limit, interrupt: interrupt, client: &http.Client{Transport: transport, Timeout: 5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	fmt.Fprintf(call.Out, "waiting up to %v for the server to answer\n", limit)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for _, address := range urls {
		if err := r.await(ctx, address); err != nil {
			return errors.New(plain.Lines(env.Secrets().Text(err.Error())))
		}
	}
	return nil
}

// await asks a server again and again, at most every two seconds. An interrupted wait is no error: the tests that
// follow say that they were interrupted.
func (r readiness) await(ctx context.Context, address string) error {
	const shortest, longest = 100 * time.Millisecond, 2 * time.Second
	var why error
	for pause := shortest; ; pause = min(2*pause, longest) {
		// That the time is over says less than why it was not there before.
		if said := r.ask(ctx, address); said == nil || why == nil || ctx.Err() == nil {
			why = said
		}
		if _, interrupted := r.interrupt.By(); why == nil || interrupted {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server at %s did not answer within the %v of --wait: %w", address, r.limit, why)
		case <-time.After(pause):
		}
	}
}

// ask is nil where a server answers, whatever it says: what is wrong with it is for the tests to find. What a gateway
// answers for a server that is not there yet is no answer. No key and no query go with it.
func (r readiness) ask(ctx context.Context, address string) error {
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	at.User, at.RawQuery, at.Path = nil, "", strings.TrimSuffix(at.Path, "/")+vllm.Health
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return err
	}
	reply, err := r.client.Do(request)
	if untrusted := new(tls.CertificateVerificationError); errors.As(err, &untrusted) {
		return nil
	}
	if wrong := new(url.Error); errors.As(err, &wrong) {
		return wrong.Err // without the address
	}
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if _, err := io.CopyN(io.Discard, reply.Body, 4096); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch reply.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fmt.Errorf("it answers %s", reply.Status)
	}
	return nil
}
