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
	o, err := parse(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.list {
		for _, p := range mockvllm.Profiles() {
			fmt.Printf("%-18s on %-10s  %7d tokens of KV cache; %s\n", p.Name, p.GPU, p.Blocks*16, p.Source)
		}
		return nil
	}
	config, err := o.config()
	if err != nil {
		return err
	}
	if o.truth != "" {
		file, err := os.Create(o.truth)
		if err != nil {
			return err
		}
		defer file.Close()
		config.Truth = mockvllm.LogTruth(file)
	}
	return serve(config, net.JoinHostPort(o.host, strconv.Itoa(o.port)))
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
