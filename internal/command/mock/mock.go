// Package mock serves the mock vLLM server in real time, serves a trace
// offline, holds a profile against stored runs of a real server, or fits one to
// them.
package mock

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/stamp"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// Command is the mock as a server of its own.
func Command() command.Command {
	return command.Command{Name: "mock", Usage: "[serve] [MODEL] [flags]", Does: "serves a mock of vLLM, or fits it to runs of a real server",
		Run: func(call *command.Call) error {
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(25) // most memory is connections, which live long: less of it beats less work
			}
			return run(call.Args, call.Out)
		}}
}

func run(args []string, out io.Writer) error {
	o, err := parse(args, out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return &command.Mistake{Err: err}
	case o.profiles:
		listProfiles(out)
		return nil
	case o.kinds:
		listFaults(out)
		return nil
	}
	config, err := o.build()
	if err != nil {
		return &command.Mistake{Err: err}
	}
	switch o.command {
	case "score":
		return o.score(config.Profile, out)
	case "calibrate":
		return o.calibrate(config.Profile, out)
	}
	if o.truth == "" {
		return o.do(config, out)
	}
	file, err := os.Create(o.truth)
	if err != nil {
		return err
	}
	log := mockvllm.NewTruthLog(file)
	config.Truth = log.Write
	return errors.Join(o.do(config, out), log.Close(), file.Close())
}

// do serves, or replays.
func (o options) do(config mockvllm.Config, out io.Writer) error {
	if o.command == "replay" {
		return o.replay(config, out)
	}
	return o.serve(config, out)
}

func listProfiles(out io.Writer) {
	for _, p := range mockvllm.Profiles() {
		fmt.Fprintf(out, "%-18s on %-10s %7d tokens of KV cache; %s\n%48s error: %s\n", p.Name, p.GPU, p.Blocks*p.BlockSize, p.Source, "", p.Error)
	}
}

func listFaults(out io.Writer) {
	for _, f := range mockvllm.Failings() {
		needs := ""
		for i, p := range f.Takes {
			switch {
			case p == "":
			case i == 0:
				needs += " " + p + "=…"
			default:
				needs += " [" + p + "=…]"
			}
		}
		fmt.Fprintf(out, "%-28s %s\n", string(f.Kind)+needs, f.About)
	}
	fmt.Fprint(out, `
All take from=10s and for=30s, since the start or, over /admin/faults, since they were set. Those that hit
requests take share=5%, first=20, every=10, model=NAME, header=NAME:VALUE and path=/v1/completions.
`)
}

func (o options) serve(config mockvllm.Config, out io.Writer) error {
	secure, err := o.tls()
	if err != nil {
		return err
	}
	mock, err := mockvllm.New(config)
	if err != nil {
		return err
	}
	address := net.JoinHostPort(o.host, strconv.Itoa(o.port))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s is taken by another program; choose another with --port", address)
		}
		return err
	}
	if config.Truth != nil {
		listener = stamp.Listen(listener)
	}
	scheme := "http"
	if secure != nil {
		scheme, listener = "https", tls.NewListener(listener, secure)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	mock.Start()
	defer mock.Close()
	server := &http.Server{Handler: mock, ReadHeaderTimeout: time.Minute, ConnContext: mockvllm.ConnContext}
	fmt.Fprintf(out, "mockvllm: %s on %s at %s://%s\n", config.Profile.Name, config.Profile.GPU, scheme, listener.Addr())
	fmt.Fprintf(out, "measure it: vllmspec test 'p95 TTFT at most 300 ms' --url %s://%s (or VLLM_URL and go test); Ctrl-C stops it\n", scheme, reachable(listener.Addr()))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return server.Close() // open streams end with it
	}
}

// reachable is an address as programs on this machine reach it: one that listens everywhere is not one to ask.
func reachable(at net.Addr) string {
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return at.String()
}

// tls is the configuration that the --ssl flags ask for; nil for none.
func (o options) tls() (*tls.Config, error) {
	if o.cert == "" && o.key == "" {
		if o.ca != "" || o.caNeeded != 0 {
			return nil, errors.New("client certificates need TLS: give --ssl-certfile and --ssl-keyfile")
		}
		return nil, nil
	}
	if o.cert == "" || o.key == "" {
		return nil, errors.New("TLS needs both --ssl-certfile and --ssl-keyfile")
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, fmt.Errorf("--ssl-certfile %s, --ssl-keyfile %s: %w", o.cert, o.key, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if o.caNeeded == 2 {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if o.ca != "" {
		raw, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("--ssl-ca-certs %s holds no certificate", o.ca)
		}
	}
	return config, nil
}
