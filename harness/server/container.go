package server

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/vllmspec/vllmspec/internal/guard"
)

const (
	// inContainer is the port that a server listens on where its network is not ours.
	inContainer = "8000"
	// sharedMemory bounds what a server's processes may share; they pass tensors
	// there, and Docker's own 64 MiB are too few. What is not used costs nothing.
	sharedMemory = 16 << 30
	// modelCache is where models are kept in a container.
	modelCache = "/root/.cache/huggingface"
)

// closeWithin is how long is waited for the end of a container's output once it has ended.
const closeWithin = 2 * time.Second

// A box is a container that we started.
type box struct {
	engine    *engine
	container testcontainers.Container // nil: none was made
	guard     *guard.Guard
	owner     *os.File
	ended     chan struct{}
	how       string // once it has
	closing   sync.Once
}

func (l Launch) runContainer(ctx context.Context, log io.Writer) (string, process, error) {
	e, err := newEngine(ctx)
	if err != nil {
		return "", nil, err
	}
	e.sweep(ctx)
	if err := e.pull(ctx, l.Image, l.Progress); err != nil {
		return "", nil, explained(l.Image, err)
	}
	b := &box{engine: e, ended: make(chan struct{})}
	var labels map[string]string
	if b.owner, labels, err = owned(); err != nil {
		return "", nil, err
	}
	if b.guard, err = guard.Watch(os.Environ(), removal, e.api.DaemonHost(), b.owner.Name()); err != nil {
		return "", nil, fmt.Errorf("no guard could be started that removes the container should we be killed: %w", err)
	}
	address, request, err := l.request(e)
	if err == nil {
		request.Labels = labels
		b.container, err = e.provider.CreateContainer(ctx, request)
	}
	if err == nil {
		err = b.container.Start(ctx)
	}
	if err != nil {
		b.remove(ctx)
		if ctx.Err() != nil {
			return "", nil, interrupted(ctx, "the container")
		}
		return "", nil, explained(l.Image, err)
	}
	b.watch(log)
	return l.scheme() + "://" + address, b, nil
}

// request is how the container runs. Where the engine runs on this machine the
// server listens on our own loopback interface: no proxy of Docker's stands in the
// way of what is measured, and no other machine reaches it.
func (l Launch) request(e *engine) (address string, r testcontainers.ContainerRequest, err error) {
	r.Image = l.Image
	args := slices.Clone(l.Args)
	var host func(*container.HostConfig)
	if e.here {
		var extra []string
		if address, extra, err = l.where(args); err != nil {
			return "", r, err
		}
		args = append(args, extra...)
		host = func(c *container.HostConfig) { c.NetworkMode = "host" }
	} else {
		port, err := freePort()
		if err != nil {
			return "", r, err
		}
		if valueOf(args, "--port") != "" || valueOf(args, "--host") != "" {
			return "", r, fmt.Errorf("VLLM_ARGS: leave out --host and --port; the container gets its own")
		}
		address, args = "127.0.0.1:"+port, append(args, "--host", "0.0.0.0", "--port", inContainer)
		published := network.MustParsePort(inContainer + "/tcp")
		host = func(c *container.HostConfig) {
			c.PortBindings = network.PortMap{published: {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: port}}}
		}
		r.ExposedPorts = []string{inContainer + "/tcp"}
	}
	cache, err := cacheOf(l.Environ)
	if err != nil {
		return "", r, err
	}
	r.Cmd, r.Env = args, intoContainer(l.Environ)
	r.Env["HF_HOME"] = modelCache
	r.HostConfigModifier = func(c *container.HostConfig) {
		host(c)
		c.ShmSize = sharedMemory
		c.Binds = append(c.Binds, cache+":"+modelCache)
		if e.gpus {
			c.DeviceRequests = []container.DeviceRequest{{Count: -1, Capabilities: [][]string{{"gpu"}}}}
		}
	}
	return address, r, nil
}

// cacheOf is the folder in which this machine keeps its models.
func cacheOf(environ []string) (string, error) {
	folder := lookup(environ, "HF_HOME")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("the models need a folder: set HF_HOME: %w", err)
		}
		folder = filepath.Join(home, ".cache", "huggingface")
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	return folder, os.MkdirAll(folder, 0o755)
}

// watch follows the container's output, and waits for its end.
func (b *box) watch(log io.Writer) {
	id := b.container.GetContainerID()
	written := make(chan struct{})
	go func() {
		defer close(written)
		output, err := b.engine.api.ContainerLogs(context.Background(), id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
		if err != nil {
			return
		}
		defer output.Close()
		_, _ = stdcopy.StdCopy(log, log, output)
	}()
	go func() {
		waiting := b.engine.api.ContainerWait(context.Background(), id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		select {
		case <-waiting.Result:
		case <-waiting.Error:
		}
		timer := time.NewTimer(closeWithin)
		defer timer.Stop()
		select {
		case <-written:
		case <-timer.C:
		}
		b.how = b.inspected()
		close(b.ended)
	}()
}

// inspected is how it ended, as the engine tells.
func (b *box) inspected() string {
	ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
	defer cancel()
	state, err := b.container.State(ctx)
	switch {
	case err != nil:
		return "and is gone"
	case state.OOMKilled:
		return fmt.Sprintf("killed for want of memory: this machine has %d GiB; give it more, or take a smaller model", b.engine.memory>>30)
	case state.ExitCode == 137:
		return "killed, perhaps for want of memory: see dmesg"
	case state.Error != "":
		return state.Error
	}
	return fmt.Sprintf("exit status %d", state.ExitCode)
}

func (b *box) done() <-chan struct{} { return b.ended }
func (b *box) why() string           { return b.how }

// stop ends the container and removes it.
func (b *box) stop(ctx context.Context) {
	b.remove(ctx)
	select {
	case <-b.ended:
	case <-time.After(engineTimeout): // an engine that hangs must not hold us up
	}
	b.engine.close()
}

// remove asks what runs in the container to end until the context is over, and removes it.
func (b *box) remove(ctx context.Context) {
	if b.container != nil {
		if within := stopWithin; ctx.Err() == nil {
			_ = b.container.Stop(ctx, &within)
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineTimeout)
		defer cancel()
		_, _ = b.engine.api.ContainerRemove(ctx, b.container.GetContainerID(), client.ContainerRemoveOptions{RemoveVolumes: true, Force: true})
	}
	b.closing.Do(func() {
		if b.container == nil && ctx.Err() != nil {
			b.guard.Leave() // the engine may go on to make it
			return
		}
		b.guard.Dismiss()
		os.Remove(b.owner.Name())
		b.owner.Close()
	})
}

// silent is for a library that tells everything it does.
type silent struct{}

func (silent) Printf(string, ...any) {}
