//go:build unix

package selfcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// A bare is what it takes on this machine to read the same streams and do nothing with
// them: what of a load generator's CPU is the system's, and no one's to save.
type bare struct {
	CPUPerToken float64 `json:"cpu_per_token_us"`
}

// readOnly brings the check's load with Go's own connections, looks at nothing of what
// comes, and writes what that took.
func (c check) readOnly(ctx context.Context, url string, out io.Writer) error {
	client := &openai.Client{Endpoint: client.Endpoint{URL: url}}
	defer client.Close()
	server, err := client.Preflight(ctx)
	if err != nil {
		return err
	}
	streams := make([]net.Conn, c.Streams)
	for i := range streams {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			return err
		}
		defer conn.Close()
		streams[i] = conn
	}
	body := fmt.Sprintf(`{"model":%q,"prompt":%q,"max_tokens":%d,"ignore_eos":true,"stream":true}`, server.Model, strings.Repeat("word ", 30), c.Tokens)
	request := fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: selfcheck\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	spent := used()
	var group sync.WaitGroup
	failed := make(chan error, c.Streams)
	for i, conn := range streams {
		group.Go(func() {
			time.Sleep(c.Over * time.Duration(i) / time.Duration(c.Streams))
			if err := drain(conn, request); err != nil {
				failed <- err
			}
		})
	}
	group.Wait()
	took := cpuOf(used()) - cpuOf(spent)
	close(failed)
	if err := <-failed; err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(bare{float64(took) / float64(time.Microsecond) / float64(c.Streams*c.Tokens)})
}

// drain sends a request and reads until the server closes.
func drain(conn net.Conn, request string) error {
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	buffer, last := make([]byte, 4096), ""
	for {
		n, err := conn.Read(buffer)
		if n > 0 {
			last = string(buffer[max(0, n-64):n])
		}
		if errors.Is(err, io.EOF) && strings.HasSuffix(last, "0\r\n\r\n") { // the answer ended, and whole
			return nil
		}
		if err != nil {
			return fmt.Errorf("a stream ended with %w after %q", err, last)
		}
	}
}

// printBare prints what reading alone takes, where that was measured, beside the loads
// of the same streams.
func printBare(out io.Writer, grades []grade) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, g := range grades {
		if g.Bare == nil {
			continue
		}
		fmt.Fprintf(table, "\nCPU/token\t  %s\n%.1f\t  only to read them, with nothing looked at\n", g.Check.Name, g.Bare.CPUPerToken)
		for _, of := range grades {
			if of.Check.Name+onlyRead == g.Check.Name {
				fmt.Fprintf(table, "%.1f\t  to stamp, parse and keep them: × %.2f\n", of.CPUPerToken, of.CPUPerToken/g.Bare.CPUPerToken)
			}
		}
	}
	table.Flush()
}

// onlyRead ends the name of a check that only reads.
const onlyRead = ", only read"
