//go:build linux

package vllmspec

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/loopback"
)

// What is promised: all that we started is gone so soon after a signal, and after a second one. A
// machine that does much else at the same time is allowed more, since what is tested is that
// everything ends at all; what it took is logged.
const (
	promised       = 5 * time.Second
	promisedSecond = 2 * time.Second
	ownEnd         = 4 * time.Second // after which a process that is not done ends itself
	allowed        = time.Minute
	atATime        = 8 // cells; they wait most of the time
)

// TestEnds_leaveNothingAndPassNothing ends runs in every way, in every stage.
func TestEnds_leaveNothingAndPassNothing(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) { // by nohup: what is handled here is not ignored by what we start
		hangUp := make(chan os.Signal, 1)
		signal.Notify(hangUp, syscall.SIGHUP)
		t.Cleanup(func() { signal.Stop(hangUp) })
	}
	program, all := asBuiltByGo(t), endsCells()
	took := make([]time.Duration, len(all))
	next := make(chan int)
	var ending sync.WaitGroup
	for range atATime { // and not -parallel, which is for those that use a core
		ending.Go(func() {
			for i := range next {
				t.Run(all[i].String(), func(t *testing.T) {
					run := newCellRun(t, all[i], program, i)
					defer run.cleanUp()
					took[i] = run.ends()
					run.check()
				})
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	ending.Wait()
	t.Logf("%d cells; slowest until nothing was left: %s of promised %v; after a second signal %s of promised %v",
		len(all), slowest(all, took, false), promised, slowest(all, took, true), promisedSecond)
}

// slowest is the cell that took longest of those that were ended by one signal, or by two.
func slowest(all []cell, took []time.Duration, second bool) string {
	most := -1
	for i, c := range all {
		if c.blow.name != timeout.name && c.blow.second == second && (most < 0 || took[i] > took[most]) {
			most = i
		}
	}
	return fmt.Sprintf("%v (%s)", took[most].Round(time.Millisecond), all[most])
}

// asBuiltByGo is this test binary in a folder like that of go test, by which a test knows that go
// started it.
func asBuiltByGo(t *testing.T) string {
	t.Helper()
	itself, err := os.Executable()
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "go-build1", "b001")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	program := filepath.Join(folder, "vllmspec.test")
	if os.Link(itself, program) != nil {
		raw, err := os.ReadFile(itself)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(program, raw, 0o755))
	}
	return program
}

// A cellRun is a cell that is being run.
type cellRun struct {
	*testing.T
	cell
	dir, out, mark string
	cmd            *exec.Cmd // the victim, or what stands for go before it
	victim         int
	toVictim       net.Conn
	control        net.Listener
	heard          chan string
	others         *exec.Cmd // the server of others
	url            string
	console        string // file of what was written
	hurried        bool   // the process ended itself, for want of time on this machine
}

func newCellRun(t *testing.T, c cell, program string, number int) *cellRun {
	t.Helper()
	r := &cellRun{T: t, cell: c, dir: t.TempDir(), heard: make(chan string, 16), mark: fmt.Sprintf("%d-%d", os.Getpid(), number)}
	r.out, r.console = filepath.Join(r.dir, "out"), filepath.Join(r.dir, "console")
	write(t, r.dir, "go.mod", "module example.com/own\n", "slo/ends.feature", c.feature())
	// No port: a server of another cell may just have been given the same one.
	folder, err := os.MkdirTemp("", "ends")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	r.control, err = net.Listen("unix", filepath.Join(folder, "control"))
	require.NoError(t, err)
	go r.listen()
	limit := "10m"
	if c.blow.name == timeout.name {
		limit = "28s" // of which 15 are for storing
	}
	words := []string{program, "-test.run=^TestVictim$", "-test.timeout=" + limit}
	if c.blow.viaGo {
		words = append([]string{program, roleGo}, words...)
	}
	r.cmd = exec.Command(words[0], words[1:]...)
	r.cmd.Dir, r.cmd.SysProcAttr = r.dir, &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Env = r.environ(program)
	output, err := os.Create(r.console)
	require.NoError(t, err)
	defer output.Close()
	r.cmd.Stdout, r.cmd.Stderr = output, output
	require.NoError(t, r.cmd.Start())
	return r
}

func (r *cellRun) environ(program string) []string {
	ours := []string{endsStage + "=" + r.stage, endsWay + "=" + r.way, endsControl + "=" + r.control.Addr().String()}
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "VLLM") || strings.HasPrefix(entry, "GITHUB_")
	})
	env = append(env, ours...)
	switch r.way {
	case wayOthers:
		r.serveAsOthers(program, env)
		env = append(env, "VLLM_URL="+r.url)
		if r.stage == stageKey {
			env = append(env, "VLLM_API_KEY_COMMAND="+program+" "+roleKey)
		}
	case wayContainer:
		env = append(env, "VLLM_IMAGE=vllmspec/mockvllm", "HF_HOME="+filepath.Join(r.dir, "models"))
		if r.stage == stageStart {
			env = append(env, "VLLM_ARGS=--fault dead")
		}
	default:
		env = append(env, "VLLM_COMMAND="+program+" "+roleServer)
	}
	return append(env, endsCell+"="+r.mark, "PWD="+r.dir, "TMPDIR="+r.dir, "VLLMSPEC_OUT="+r.out, "VLLMSPEC_UNKNOWN=warn", "VLLMSPEC_DASHBOARD=off")
}

// serveAsOthers starts a server that is none of the victim's business.
func (r *cellRun) serveAsOthers(program string, env []string) {
	free, err := loopback.FreePort()
	require.NoError(r, err)
	host, port := "127.0.0.1", strconv.Itoa(free)
	r.url = "http://" + net.JoinHostPort(host, port)
	r.others = exec.Command(program, roleServer, "--host", host, "--port", port)
	r.others.Env = env
	require.NoError(r, r.others.Start())
	require.Eventually(r, r.othersServe, allowed, 10*time.Millisecond)
}

func (r *cellRun) othersServe() bool {
	response, err := http.Get(r.url + "/health")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// listen takes what the victim and its server tell.
func (r *cellRun) listen() {
	for {
		conn, err := r.control.Accept()
		if err != nil {
			return
		}
		line, _ := bufio.NewReader(conn).ReadString('\n')
		if n, _ := fmt.Sscanf(line, "victim %d", &r.victim); n == 1 {
			r.toVictim = conn
		} else {
			defer conn.Close()
		}
		r.heard <- strings.TrimSpace(line)
	}
}

// ends waits until the stage is reached, strikes, and returns how long it took until nothing was left.
func (r *cellRun) ends() time.Duration {
	r.awaits("victim ")
	if r.way == wayContainer {
		require.Eventually(r, r.containerReached, allowed, 20*time.Millisecond, r.said())
	} else {
		r.awaits("reached")
	}
	if r.stage == stageMetrics || r.stage == stageLoad {
		require.Eventually(r, r.stored, allowed, 20*time.Millisecond, r.said())
	}
	began := time.Now()
	r.blow.strike(r)
	err := r.exits()
	require.Eventually(r, func() bool { return len(r.left()) == 0 }, allowed, 10*time.Millisecond, "%v", r.left())
	took := time.Since(began)
	r.hurried = took >= ownEnd
	exit, failed := errors.AsType[*exec.ExitError](err)
	if assert.True(r, failed, "the exit code is not 0: %s", r.said()) && exit.ExitCode() == 0 {
		r.Error("exit code 0")
	}
	return took
}

func (r *cellRun) awaits(prefix string) {
	r.Helper()
	select {
	case line := <-r.heard:
		require.True(r, strings.HasPrefix(line, prefix), "%q, not %q", line, prefix)
	case <-time.After(allowed):
		require.FailNow(r, "the stage is not reached", r.said())
	}
}

func (r *cellRun) exits() error {
	ended := make(chan error, 1)
	go func() { ended <- r.cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(allowed):
		require.FailNow(r, "it does not end", r.said())
		return nil
	}
}

// left are the processes and containers that the cell has started and that are there.
func (r *cellRun) left() []string {
	return append(processesWith(endsCell+"="+r.mark), r.containers()...)
}

// containers are the cell's: their owner's file lies in its folder.
func (r *cellRun) containers() (all []string) {
	if r.way != wayContainer {
		return nil
	}
	out, err := exec.Command("docker", "ps", "--all", "--format", `{{.ID}} {{.State}} {{.Label "org.vllmspec.owner"}}`).Output()
	require.NoError(r, err)
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, r.dir) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

// containerReached reports whether the stage is reached, of a server that cannot say so.
func (r *cellRun) containerReached() bool {
	if r.stage == stageStart {
		return slices.ContainsFunc(r.containers(), func(c string) bool { return strings.Contains(c, " running ") })
	}
	return r.stored()
}

// stored reports whether something that was measured is on disk: it is written down every second.
func (r *cellRun) stored() bool {
	spools, _ := filepath.Glob(filepath.Join(r.out, ".run=*", "requests*"))
	return slices.ContainsFunc(spools, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 0
	})
}

func (r *cellRun) said() string {
	raw, _ := os.ReadFile(r.console)
	return string(raw)
}

// check looks at what the cell has left behind.
func (r *cellRun) check() {
	if r.others != nil {
		assert.True(r, r.othersServe(), "a server of others is left alone")
	}
	r.isNotGreen()
	assert.NotContains(r, r.said(), "DATA RACE") // where it was built to find them
	if r.blow.says != "" && !r.blow.viaGo {      // then no one reads the output
		assert.Contains(r, r.said(), r.blow.says)
	}
	published, _ := filepath.Glob(filepath.Join(r.out, "run=*"))
	hidden, _ := filepath.Glob(filepath.Join(r.out, ".run=*"))
	if !r.measures() {
		assert.Empty(r, published, "nothing was measured")
		return
	}
	require.Len(r, slices.Concat(published, hidden), 1, r.said())
	if r.survives() && !r.hurried {
		assert.Len(r, published, 1, r.said())
	}
	if len(published) == 1 {
		r.isInterrupted(published[0])
		return
	}
	salvaged, err := judge.Salvage(hidden[0])
	require.NoError(r, err)
	r.isUnknown(salvaged, harness.StopKilled)
}

// isInterrupted checks a run that the process lived to store.
func (r *cellRun) isInterrupted(run string) {
	if r.stage == stagePublishing { // the run was stored before
		return
	}
	m := r.isUnknown(run, harness.StopInterrupted)
	assert.Contains(r, m.Stopped.String(), r.blow.says)
	page, err := os.ReadFile(filepath.Join(run, "report.html"))
	require.NoError(r, err)
	escaped := strings.NewReplacer("'", "&#39;").Replace(r.blow.says)
	assert.True(r, strings.Contains(string(page), r.blow.says) || strings.Contains(string(page), escaped), "the report gives the reason")
	if r.hurried { // what follows was not done
		return
	}
	index, err := os.ReadFile(filepath.Join(r.out, "index.html"))
	require.NoError(r, err)
	assert.NotContains(r, string(index), "let pass")
	if r.way != wayOthers {
		assert.FileExists(r, filepath.Join(run, "server.log"))
		logs, _ := filepath.Glob(filepath.Join(r.out, "server-*.log"))
		assert.Empty(r, logs, "the run has it")
	}
}

func (r *cellRun) isUnknown(run string, kind harness.StopKind) store.Manifest {
	m, _, err := store.ReadManifest(run)
	require.NoError(r, err)
	assert.Equal(r, kind, m.Stopped.Kind)
	assert.Positive(r, m.Requests)
	raw, err := os.ReadFile(filepath.Join(run, "verdicts.json"))
	require.NoError(r, err)
	var verdicts []slo.Verdict
	require.NoError(r, json.Unmarshal(raw, &verdicts))
	require.Len(r, verdicts, 2, "%s", raw)
	for _, v := range verdicts {
		assert.Equal(r, slo.Unknown, v.Outcome)
		assert.Contains(r, strings.Join(v.Notes, "; "), m.Stopped.String())
	}
	return m
}

// isNotGreen checks what CI systems read, where the process lived to write it.
func (r *cellRun) isNotGreen() {
	badge, err := os.ReadFile(filepath.Join(r.out, "badge.svg"))
	if errors.Is(err, fs.ErrNotExist) {
		assert.NoFileExists(r, filepath.Join(r.out, "junit.xml"))
		return
	}
	require.NoError(r, err)
	assert.NotContains(r, string(badge), "1 of 1 pass")
	assert.NotContains(r, string(badge), "#0a7d4b", "green")
	raw, err := os.ReadFile(filepath.Join(r.out, "junit.xml"))
	require.NoError(r, err)
	_, all, _ := strings.Cut(string(raw), "<testsuites ")
	all, _, _ = strings.Cut(all, ">")
	assert.NotContains(r, all, `failures="0" errors="0"`)
	assert.Contains(r, string(raw), "interrupted by ")
}

func (r *cellRun) cleanUp() {
	r.control.Close()
	if r.toVictim != nil {
		r.toVictim.Close()
	}
	if r.others != nil {
		_ = r.others.Process.Kill()
		_ = r.others.Wait()
	}
	for _, left := range r.left() {
		var id int
		if n, _ := fmt.Sscanf(left, "/proc/%d ", &id); n == 1 {
			_ = syscall.Kill(id, syscall.SIGKILL)
		}
	}
}
