package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/vllm"
	"github.com/vllmspec/vllmspec/internal/loopback"
)

// A Launch says how to start a server: with a command, or in a container.
type Launch struct {
	Command []string // a program and its arguments
	Image   string   // of a container
	Args    []string // of either, besides
	Dir     string   // where a command runs
	Environ []string // what it may know of our environment
	TLS     *tls.Config

	Log      string                           // file of its output
	Redact   func(string) string              // takes out of its output what must not be shown
	Within   time.Duration                    // until it is ready; 0: [ReadyWithin]
	Progress func(format string, args ...any) // tells a person who waits
}

// ReadyWithin is how long a server may take until it is ready: a large model has
// to be downloaded, loaded and compiled.
const ReadyWithin = 30 * time.Minute

// A process is a server that we started.
type process interface {
	done() <-chan struct{} // closed once it has ended
	why() string           // and how: "exit status 1"
	stop(context.Context)  // asks it to end, ends it when the context is over, and waits for that
}

// Check finds what can be wrong with a launch before anything is started.
func (l Launch) Check() error {
	for _, words := range [][]string{l.Command, l.Args} {
		if flag, variable := secretFlag(words); flag != "" {
			return fmt.Errorf("%s on a command line can be read by all users of the machine; set %s instead", flag, variable)
		}
		for _, unusable := range []string{"--uds", "--headless"} {
			if slices.Contains(words, unusable) {
				return fmt.Errorf("a server with %s does not listen on a port of this machine", unusable)
			}
		}
	}
	return nil
}

// secretFlag is a flag that gives vLLM a secret, and the variable that does; "" for none. vLLM takes
// underscores for hyphens, and the beginning of a flag for all of it.
func secretFlag(words []string) (flag, variable string) {
	for _, word := range words {
		given, _, _ := strings.Cut(strings.ReplaceAll(word, "_", "-"), "=")
		switch {
		case len(given) >= len("--api-k") && strings.HasPrefix("--api-key", given):
			return "--api-key", "VLLM_API_KEY"
		case len(given) >= len("--hf-t") && strings.HasPrefix("--hf-token", given):
			return "--hf-token", "HF_TOKEN"
		}
	}
	return "", ""
}

// Start starts a server and waits until it is ready. Whatever happens, nothing of
// it is left when it returns an error.
func Start(ctx context.Context, l Launch) (*Server, error) {
	if l.Progress == nil {
		l.Progress = func(string, ...any) {}
	}
	if l.Redact == nil {
		l.Redact = func(s string) string { return s }
	}
	if err := l.Check(); err != nil {
		return nil, err
	}
	log, err := openLogbook(l.Log, l.Redact)
	if err != nil {
		return nil, err
	}
	s := &Server{Remote: true, log: log}
	if l.Image != "" {
		s.Kind = "the container " + l.Image
		s.URL, s.process, err = l.runContainer(ctx, log)
	} else {
		s.Kind = "the command " + l.Command[0]
		s.URL, s.process, err = l.runCommand(log)
	}
	if err == nil {
		err = s.waitReady(ctx, l)
	}
	if err != nil {
		s.abort(ctx)
		return nil, err
	}
	return s, nil
}

// hurriedWithin is how long a server may take to end where a user who has interrupted its
// start waits for that.
const hurriedWithin = time.Second

// abort stops what was started under a context and is of no use.
func (s *Server) abort(start context.Context) {
	ctx := context.WithoutCancel(start)
	if start.Err() != nil {
		hurried, cancel := context.WithTimeout(ctx, hurriedWithin)
		defer cancel()
		ctx = hurried
	}
	s.Stop(ctx)
}

// interrupted is the error of a start that was.
func interrupted(start context.Context, what string) error {
	return fmt.Errorf("%w while %s was being started", harness.Interruption(harness.InterruptedBy(start).Detail), what)
}

// scheme is the one that its flags have it speak.
func (l Launch) scheme() string {
	if valueOf(slices.Concat(l.Command, l.Args), "--ssl-certfile") != "" {
		return "https"
	}
	return "http"
}

// waitReady asks for its health until it is well, while it tells a person how long
// that has taken.
func (s *Server) waitReady(ctx context.Context, l Launch) error {
	within := cmp.Or(l.Within, ReadyWithin)
	began, start := time.Now(), ctx
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	transport := &http.Transport{TLSClientConfig: l.TLS, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	ask, tell := time.NewTicker(200*time.Millisecond), time.NewTicker(10*time.Second)
	defer ask.Stop()
	defer tell.Stop()
	var last error
	for {
		select {
		case <-s.process.done():
			return s.failure("ended before it was ready (" + s.process.why() + ")")
		case <-ctx.Done():
			if start.Err() != nil {
				return interrupted(start, "the server")
			}
			return s.failure(fmt.Sprintf("was not ready within %v (%v)", within, last))
		case <-tell.C:
			l.Progress("waiting for %s: %v of at most %v; it says: %s\n", s.Kind, time.Since(began).Round(time.Second), within, cmp.Or(s.log.latest(), "nothing yet"))
		case <-ask.C:
			if last = checkHealth(ctx, client, s.URL); last == nil {
				l.Progress("%s is ready after %v\n", s.Kind, time.Since(began).Round(time.Second/10))
				return nil
			}
			if why := unverifiable(last); why != "" { // waiting does not help
				return fmt.Errorf("%s: %s", s.Kind, why)
			}
		}
	}
}

// checkHealth asks for the health of a server. One that has no such page is asked for
// more by the preflight.
func checkHealth(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+vllm.Health, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	response.Body.Close()
	if response.StatusCode >= 500 {
		return fmt.Errorf("/health answers with status %d", response.StatusCode)
	}
	return nil
}

// unverifiable is what to do about a certificate that will be no better later.
func unverifiable(err error) string {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Sprintf("its certificate cannot be verified (%v); set VLLM_CA_FILE to that of its authority", errors.Unwrap(err))
	}
	return ""
}

// failure says what became of a server, what that may come from, and its last lines.
func (s *Server) failure(what string) error {
	tail := s.log.tail()
	if said := advice(tail); said != "" {
		what += ": " + said
	}
	return fmt.Errorf("%s %s; its last lines (all are in %s):\n%s", s.Kind, what, s.log.path, tail)
}

// Ended says that a server which we started has ended by itself, and how; nil
// while it runs, and of any other.
func (s *Server) Ended() error {
	if s.process == nil {
		return nil
	}
	select {
	case <-s.process.done():
		return s.failure("has ended (" + s.process.why() + ")")
	default:
		return nil
	}
}

// LogSize is how much a server that we started has written.
func (s *Server) LogSize() int64 {
	if s.log == nil {
		return 0
	}
	return s.log.size()
}

// LogSince is what it has written from then on; nil of a server that another program
// started.
func (s *Server) LogSince(from int64) ([]byte, error) {
	if s.log == nil {
		return nil, nil
	}
	return s.log.since(from)
}

// freePort is a port of the loopback interface that stays free until the server listens on it.
func freePort() (string, error) {
	port, err := loopback.FreePort()
	if err != nil {
		return "", fmt.Errorf("the server needs %w", err)
	}
	return strconv.Itoa(port), nil
}

// where a server will listen, and the words that have it do so. One that names its
// port keeps it; all others get a free one, and only this machine can reach it.
func (l Launch) where(words []string) (address string, extra []string, err error) {
	host, port := "127.0.0.1", valueOf(words, "--port")
	switch named := valueOf(words, "--host"); named {
	case "":
		extra = append(extra, "--host", host)
	case "0.0.0.0":
	case "::":
		host = "::1"
	default:
		host = named
	}
	if port == "" {
		if port, err = freePort(); err != nil {
			return "", nil, err
		}
		return net.JoinHostPort(host, port), append(extra, "--port", port), nil
	}
	address = net.JoinHostPort(host, port)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", nil, fmt.Errorf("%s is taken or cannot be listened on (%w); name another --port, or none for one that is free", address, err)
	}
	return address, extra, listener.Close()
}

// advice is what a server's last lines mean, where they are known to mean something.
func advice(lines string) string {
	for _, known := range []struct{ says, means string }{
		{"CUDA out of memory", "the GPU's memory is too small for it; take a smaller model, or lower --max-model-len or --max-num-seqs in VLLM_ARGS"},
		{"torch.OutOfMemoryError", "the GPU's memory is too small for it; take a smaller model, or lower --max-model-len or --max-num-seqs in VLLM_ARGS"},
		{"No available memory for the cache blocks", "the model leaves no GPU memory for the KV cache; raise --gpu-memory-utilization or lower --max-model-len in VLLM_ARGS"},
		{"is larger than the available KV cache memory", "the KV cache is too small for the context; lower --max-model-len in VLLM_ARGS"},
		{"is less than desired GPU memory utilization", "another program uses the GPU's memory; end it, or lower --gpu-memory-utilization in VLLM_ARGS"},
		{"Failed to infer device type", "it found no GPU; use a machine with one, or an image for the CPU (vllm/vllm-openai-cpu)"},
		{"No CUDA GPUs are available", "it found no GPU; use a machine with one, or an image for the CPU (vllm/vllm-openai-cpu)"},
		{"libcuda.so.1: cannot open shared object file", "it found no NVIDIA driver; use a machine with a GPU, or an image for the CPU (vllm/vllm-openai-cpu)"},
		{"GatedRepoError", "the model must be asked for at Hugging Face; accept its licence there and set HF_TOKEN"},
		{"gated repo", "the model must be asked for at Hugging Face; accept its licence there and set HF_TOKEN"},
		{"RepositoryNotFoundError", "Hugging Face knows no such model; correct its name in VLLM_ARGS, or set HF_TOKEN if it is private"},
		{"is not a valid model identifier", "Hugging Face knows no such model; correct its name in VLLM_ARGS, or set HF_TOKEN if it is private"},
		{"unrecognized arguments", "it does not know a flag of VLLM_ARGS"},
		{"there is no flag", "it does not know a flag of VLLM_ARGS"},
		{"ddress already in use", "another program has its port; name another --port, or none for one that is free"},
		{"No space left on device", "the disk is full"},
		{"ModuleNotFoundError", "its Python installation is not complete"},
	} {
		if strings.Contains(lines, known.says) {
			return known.means
		}
	}
	return ""
}
