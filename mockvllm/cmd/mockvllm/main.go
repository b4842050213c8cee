// Command mockvllm serves the mock vLLM server in real time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mockvllm:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("mockvllm", flag.ExitOnError)
	host := flags.String("host", "127.0.0.1", "address to listen on")
	port := flags.Int("port", 8000, "port to listen on; 0 for any that is free")
	model := flags.String("model", "llama-3.1-8b", "profile to serve; see -profiles")
	gpu := flags.String("gpu", "", `hardware of the profile, such as "one H100"; the model's first if empty`)
	served := flags.String("served-model-name", "", "name of the model; the profile's if empty")
	key := flags.String("api-key", "", "key that requests must carry")
	seed := flags.Uint64("seed", 1, "seed of answers and faults")
	sequences := flags.Int("max-num-seqs", 0, "sequences in one step; the profile's if 0")
	list := flags.Bool("profiles", false, "list the profiles and exit")
	freeze := flags.String("freeze", "", "let the engine stand still: 10s@1m is for 10 s after 1 minute")
	refuse := flags.Float64("refuse", 0, "share of requests whose connection is closed, 0 to 1")
	cut := flags.Float64("cut", 0, "share of answers that are cut short")
	fail := flags.Float64("fail", 0, "share of requests that are answered with -fail-status")
	status := flags.Int("fail-status", 500, "status of -fail")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *list {
		for _, p := range mockvllm.Profiles() {
			fmt.Printf("%-18s on %-10s  %7d tokens of KV cache; %s\n", p.Name, p.GPU, p.Blocks*16, p.Source)
		}
		return nil
	}
	profile, err := mockvllm.ProfileFor(*model, *gpu)
	if err != nil {
		return err
	}
	if *sequences > 0 {
		profile.MaxSeqs = *sequences
	}
	config := mockvllm.Config{Profile: profile, ServedName: *served, Seed: *seed, APIKey: *key}
	if *freeze != "" {
		f, err := parseFreeze(*freeze)
		if err != nil {
			return err
		}
		config.Faults = append(config.Faults, f)
	}
	if *refuse > 0 {
		config.Faults = append(config.Faults, mockvllm.Refuse{Share: *refuse})
	}
	if *cut > 0 {
		config.Faults = append(config.Faults, mockvllm.CutShort{Share: *cut})
	}
	if *fail > 0 {
		config.Faults = append(config.Faults, mockvllm.Fail{Share: *fail, Status: *status})
	}
	return serve(config, net.JoinHostPort(*host, strconv.Itoa(*port)))
}

func parseFreeze(s string) (mockvllm.Freeze, error) {
	length, after, ok := strings.Cut(s, "@")
	f, err1 := time.ParseDuration(length)
	a, err2 := time.ParseDuration(after)
	if !ok || err1 != nil || err2 != nil {
		return mockvllm.Freeze{}, fmt.Errorf("-freeze %q: write 10s@1m, for 10 s after 1 minute", s)
	}
	return mockvllm.Freeze{For: f, After: a}, nil
}

func serve(config mockvllm.Config, address string) error {
	mock, err := mockvllm.New(config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s is taken by another program; choose another with -port", address)
		}
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	mock.Start()
	defer mock.Close()
	server := &http.Server{Handler: mock, ReadHeaderTimeout: time.Minute}
	fmt.Printf("mockvllm: %s on %s at http://%s\n", config.Profile.Name, config.Profile.GPU, listener.Addr())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return server.Close() // open streams end with it
	}
}
