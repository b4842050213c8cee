package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"

	"github.com/vllmspec/vllmspec/internal/redact"
)

// engineTimeout bounds what an engine does at once.
const engineTimeout = 30 * time.Second

// An engine runs containers.
type engine struct {
	provider *testcontainers.DockerProvider
	api      client.APIClient
	here     bool // on this machine, in its network: containers can share ours
	gpus     bool
	memory   int64
}

// newEngine finds the container engine as testcontainers-go does: DOCKER_HOST, the
// current context, the usual sockets.
func newEngine(ctx context.Context) (e *engine, err error) {
	defer func() {
		if r := recover(); r != nil { // the library panics where there is no engine
			e, err = nil, noEngine(fmt.Errorf("%v", r))
		}
	}()
	// Its own cleaner is a container too, whose image would have to be pulled, and
	// which may do anything with the engine. Labels and a guard do the same here.
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		return nil, err
	}
	log.SetDefault(silent{})
	// Where there is no network of this name it makes one, and leaves it there.
	const network = "host"
	provider, err := testcontainers.NewDockerProvider(testcontainers.WithLogger(silent{}), testcontainers.WithDefaultBridgeNetwork(network))
	if err != nil {
		return nil, noEngine(err)
	}
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	told, err := provider.Client().Info(ctx, client.InfoOptions{})
	if err != nil {
		provider.Close()
		return nil, noEngine(err)
	}
	e = &engine{provider: provider, api: provider.Client(), memory: told.Info.MemTotal}
	hostname, _ := os.Hostname()
	rootless := slices.ContainsFunc(told.Info.SecurityOptions, func(s string) bool { return strings.Contains(s, "rootless") })
	e.here = runtime.GOOS == "linux" && told.Info.Name == hostname && !rootless
	_, device := os.Stat("/dev/nvidiactl")
	_, nvidia := told.Info.Runtimes["nvidia"]
	e.gpus = device == nil || nvidia && !e.here
	if err := e.reachable(); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// reachable refuses engines whose containers we could not reach, which would be
// noticed only when the server is not ready for half an hour.
func (e *engine) reachable() error {
	at := e.api.DaemonHost()
	_, contained := os.Stat("/.dockerenv")
	switch {
	case e.here:
	case strings.HasPrefix(at, "tcp://"), strings.HasPrefix(at, "ssh://"):
		return fmt.Errorf("VLLM_IMAGE: Docker (%s) is on another machine, whose containers listen to that machine only; start the server there and set VLLM_URL", redact.URL(at))
	case contained == nil && runtime.GOOS == "linux":
		return errors.New("VLLM_IMAGE: this test runs in a container itself, from which others cannot be reached; start the server beside it and set VLLM_URL")
	}
	return nil
}

func noEngine(err error) error {
	said := strings.Join(strings.Fields(err.Error()), " ")
	if errors.Is(err, fs.ErrPermission) || strings.Contains(said, "permission denied") {
		return fmt.Errorf("VLLM_IMAGE: Docker is here, but you may not use it (%s); add yourself to the group docker, or run this as root", said)
	}
	if strings.Contains(said, "rootless Docker not found") { // the last place in which the library looks
		said = "no socket of it is here, and DOCKER_HOST names none"
	}
	return fmt.Errorf("VLLM_IMAGE needs Docker, and none can be reached (%s); install and start it (apt install docker.io, or https://docs.docker.com/engine/install), or start the server yourself and set VLLM_URL", said)
}

// pull brings the image here, unless it is here.
func (e *engine) pull(ctx context.Context, image string, progress func(string, ...any)) error {
	if _, err := e.api.ImageInspect(ctx, image); err == nil {
		return nil
	}
	progress("pulling %s: an image with CUDA in it is ten gigabytes or so\n", image)
	options := client.ImagePullOptions{}
	if _, auth, err := testcontainers.DockerImageAuth(ctx, image); err == nil {
		if options.RegistryAuth, err = authconfig.Encode(auth); err != nil {
			return err
		}
	}
	pulling, err := e.api.ImagePull(ctx, image, options)
	if err != nil {
		return err
	}
	defer pulling.Close()
	layers, told := map[string]int64{}, time.Now()
	for message, err := range pulling.JSONMessages(ctx) {
		if err != nil {
			return err
		}
		if message.Error != nil {
			return message.Error
		}
		if message.Progress != nil && message.Status == "Downloading" {
			layers[message.ID] = message.Progress.Current
		}
		if time.Since(told) > 10*time.Second {
			var sum int64
			for _, n := range layers {
				sum += n
			}
			progress("pulling %s: %d MB so far\n", image, sum>>20)
			told = time.Now()
		}
	}
	return nil
}

// explained is what an engine's error means and what to do about it.
func explained(image string, err error) error {
	said := strings.Join(strings.Fields(err.Error()), " ")
	is := func(texts ...string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(said, text) })
	}
	what := "cannot be started"
	switch {
	case is("invalid reference format"):
		what = "is no name of an image; write vllm/vllm-openai:v0.32.0"
	case is("no such host", "connection refused", "i/o timeout", "network is unreachable", "Client.Timeout", "TLS handshake"):
		what = "is not here, and its registry cannot be reached; is there a network, or a proxy to tell Docker of? An image from elsewhere: docker load"
	case is("manifest unknown", "not found: manifest", "pull access denied", "repository does not exist", "No such image", "unauthorized"):
		what = "is neither here nor at its registry; is its name right, with its tag, and does it need a docker login?"
	case is("no space left on device"):
		what = "does not fit on the disk; docker system prune makes room"
	case is("could not select device driver", "nvidia-container-cli"):
		what = "cannot be given this machine's GPUs; install the NVIDIA Container Toolkit and restart Docker"
	case is("executable file not found", "no such file or directory"):
		what = "names a program that is not in it; is VLLM_ARGS right?"
	}
	return fmt.Errorf("VLLM_IMAGE: the image %s %s (%s)", image, what, said)
}

// The labels of our containers: on which machine they were started, and a file
// there that is locked as long as their owner lives.
const (
	labelHost  = "org.vllmspec.host"
	labelOwner = "org.vllmspec.owner"
)

// owned makes the file, and the labels that name it.
func owned() (*os.File, map[string]string, error) {
	sweepOwners(os.TempDir(), time.Now())
	file, err := os.CreateTemp("", "vllmspec-container-*")
	if err != nil {
		return nil, nil, err
	}
	lock(file)
	hostname, _ := os.Hostname()
	return file, map[string]string{labelHost: hostname, labelOwner: file.Name()}, nil
}

// sweep removes containers whose owner was killed and could not do so.
func (e *engine) sweep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	hostname, _ := os.Hostname()
	list, err := e.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelHost+"="+hostname)})
	if err != nil {
		return // whatever is wrong with the engine shows at once
	}
	for _, c := range list.Items {
		if owner := c.Labels[labelOwner]; abandoned(owner) {
			_, _ = e.api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{RemoveVolumes: true, Force: true})
			os.Remove(owner)
		}
	}
}

// abandoned reports whether the file is not held any more.
func abandoned(owner string) bool {
	file, err := os.Open(owner)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer file.Close()
	return lock(file)
}

func (e *engine) close() { _ = e.provider.Close() }
