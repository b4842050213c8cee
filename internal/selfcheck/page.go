//go:build unix

package selfcheck

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/reports/live"
)

// A page shows a load while it goes on, as go test does, to a terminal's line and to
// viewers. They are a process of their own, so that what they take is not the load
// generator's.
type page struct {
	server  *live.Server
	viewers *exec.Cmd // nil: none
	leave   io.Closer // makes them end
	said    *bufio.Reader
}

// show serves the page, where the check has one, and lets the viewers come.
func (c check) show(r Command, dir string) (p page, err error) {
	if !c.Shown {
		return p, nil
	}
	if p.server, err = live.Listen("127.0.0.1:0"); err != nil || c.Viewers == 0 {
		return p, err
	}
	runtime.LockOSThread() // as long as it lives, so may the viewers
	p.viewers = r.again(context.Background(), dir, "follow", p.server.URL(), strconv.Itoa(c.Viewers))
	if p.leave, err = p.viewers.StdinPipe(); err != nil {
		return p, err
	}
	out, err := p.viewers.StdoutPipe()
	if err != nil {
		return p, err
	}
	if err := p.viewers.Start(); err != nil {
		return p, err
	}
	p.said = bufio.NewReader(out)
	if _, err := p.said.ReadString('\n'); err != nil {
		return p, fmt.Errorf("the page has no viewers: %w", err)
	}
	return p, nil
}

// watch shows a load that is about to begin; nil where there is no page.
func (p page) watch(s harness.Scenario, m experiment.Manifest, stop func()) *live.Watch {
	if p.server == nil {
		return nil
	}
	p.server.Begin(stop)
	return live.NewWatch(s, m, live.NewTerminal(io.Discard, os.Getenv), p.server)
}

// seen lets the viewers go, and returns how many frames the one with the fewest got.
func (p page) seen() (int, error) {
	if p.viewers == nil {
		return 0, nil
	}
	p.leave.Close()
	var frames []int
	if err := json.NewDecoder(p.said).Decode(&frames); err != nil {
		return 0, err
	}
	return slices.Min(frames), p.viewers.Wait()
}

func (p page) close() {
	if p.server == nil {
		return
	}
	p.server.Close()
	if p.viewers != nil && p.viewers.ProcessState == nil {
		_ = p.viewers.Process.Kill()
		_ = p.viewers.Wait()
	}
}

// objectives are what a run is judged by, while it goes on and at its end.
func objectives() (out []harness.Objective) {
	for _, row := range [][2]string{{"p99 TTFT", "at most 500 ms"}, {"p95 ITL", "at most 60 ms"}, {"error rate", "at most 0.1%"}} {
		o, err := slo.Parse(row[0], row[1])
		if err != nil {
			panic(err) // these rows are ours
		}
		out = append(out, o)
	}
	return out
}

// follow is the viewers: each opens the page and then holds its stream of frames, as a
// browser does, until nothing more is to be read of in. It says in one line when all of
// them have a frame, and in the end how many each got.
func follow(in io.Reader, out io.Writer, url, number string) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	begun, ended := make(chan error, n), make(chan int, n)
	for range n {
		go func() { ended <- view(ctx, url, begun) }()
	}
	for range n {
		err = cmp.Or(err, <-begun)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "all of them look on")
	_, err = io.Copy(io.Discard, in)
	leave()
	frames := make([]int, n)
	for i := range frames {
		frames[i] = <-ended
	}
	return errors.Join(err, json.NewEncoder(out).Encode(frames))
}

// view is one viewer; it returns how many frames came. That the first one is there, or
// why none comes, it says at once.
func view(ctx context.Context, url string, begun chan<- error) (frames int) {
	client := &http.Client{Transport: &http.Transport{}} // a connection of its own
	defer client.CloseIdleConnections()
	opened, err := get(ctx, client, url)
	if err == nil {
		_, err = io.Copy(io.Discard, opened.Body)
		opened.Body.Close()
	}
	if err != nil {
		begun <- err
		return 0
	}
	events, err := get(ctx, client, url+"events")
	if err != nil {
		begun <- err
		return 0
	}
	defer events.Body.Close()
	for lines := bufio.NewReaderSize(events.Body, 1<<16); ; {
		line, more, err := lines.ReadLine()
		for more && err == nil { // the rest of a long one
			_, more, err = lines.ReadLine()
		}
		if err != nil {
			if frames == 0 {
				begun <- err
			}
			return frames
		}
		if strings.HasPrefix(string(line[:min(len(line), 6)]), "data: ") {
			if frames++; frames == 1 {
				begun <- nil
			}
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(ask)
	if err == nil && answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		err = fmt.Errorf("%s answered %s", url, answer.Status)
	}
	return answer, err
}
