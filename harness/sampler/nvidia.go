//go:build linux && cgo

package sampler

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/vllmspec/vllmspec/harness"
)

// NVIDIA reads the NVIDIA GPUs of this machine through the driver's own library.
type NVIDIA struct {
	bounded
	lib     nvml.Interface
	cards   []card
	asks    []ask
	server  func() []int32
	about   []GPU
	remarks []string
}

// A card is one GPU that is watched.
type card struct {
	nvml.Device
	index string
	mig   bool
}

// OpenNVIDIA is a sampler of this machine's NVIDIA GPUs. Of several, those are
// watched that processes of the server use, where server tells its processes; else
// all of them. The error is why there are none.
func OpenNVIDIA(server func() []int32) (*NVIDIA, error) { return openNVIDIA(nvml.New(), server) }

func openNVIDIA(lib nvml.Interface, server func() []int32) (*NVIDIA, error) {
	if ret := lib.Init(); ret != nvml.SUCCESS {
		return nil, errors.New(noDriver(ret)) // nothing may be asked of a library that is not there
	}
	n := &NVIDIA{lib: lib, server: server}
	n.bounded = newBounded("NVIDIA's driver", n.readAll)
	if err := n.find(); err != nil {
		lib.Shutdown()
		return nil, err
	}
	return n, nil
}

// noDriver says in words why the library could not be used.
func noDriver(ret nvml.Return) string {
	switch ret {
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return "no GPU could be read: this machine has no NVIDIA driver (libnvidia-ml.so.1); where the server is elsewhere or its GPU another one, set DCGM_METRICS_URL to its exporter"
	case nvml.ERROR_DRIVER_NOT_LOADED:
		return "no GPU could be read: NVIDIA's library is here, but its driver is not loaded; in a container, start it with its GPUs (--gpus all)"
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		return "no GPU could be read: NVIDIA's library and its driver are of two versions; restart the machine after an update"
	case nvml.ERROR_NO_PERMISSION:
		return "no GPU could be read: this user may not open /dev/nvidiactl"
	}
	return "no GPU could be read: NVIDIA's driver says: " + ret.Error()
}

// find takes the GPUs that are to be watched, and what all of them answer.
func (n *NVIDIA) find() error {
	count, ret := n.lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return fmt.Errorf("no GPU could be read: NVIDIA's driver says: %w", ret)
	}
	for i := range count {
		device, ret := n.lib.DeviceGetHandleByIndex(i)
		if ret == nvml.ERROR_NO_PERMISSION {
			continue // another container's
		}
		if ret != nvml.SUCCESS {
			return fmt.Errorf("GPU %d could not be read: %w", i, lost(ret))
		}
		mode, _, ret := device.GetMigMode()
		n.cards = append(n.cards, card{device, strconv.Itoa(i), ret == nvml.SUCCESS && mode == nvml.DEVICE_MIG_ENABLE})
	}
	if len(n.cards) == 0 {
		return errors.New("no GPU could be read: NVIDIA's driver finds none on this machine")
	}
	n.choose()
	driver, _ := n.lib.SystemGetDriverVersion()
	for _, c := range n.cards {
		n.about = append(n.about, c.about(driver))
	}
	for _, a := range asks(n.serves) {
		if n.answers(a) {
			n.asks = append(n.asks, a)
		}
	}
	return nil
}

// choose leaves out the GPUs that the server does not use, where that is known.
func (n *NVIDIA) choose() {
	all := len(n.cards)
	if all == 1 {
		return
	}
	used := slices.DeleteFunc(slices.Clone(n.cards), func(c card) bool {
		processes, ret := c.GetComputeRunningProcesses()
		return ret != nvml.SUCCESS || !slices.ContainsFunc(processes, func(p nvml.ProcessInfo) bool { return n.serves(p.Pid) })
	})
	if len(used) == 0 {
		n.remarks = append(n.remarks, fmt.Sprintf("all %d GPUs of this machine are watched: which of them the server uses is unknown", all))
	} else if len(used) < all {
		n.cards = used
		n.remarks = append(n.remarks, fmt.Sprintf("of this machine's %d GPUs those are watched that the server uses: %s", all, strings.Join(indexes(used), ", ")))
	}
}

func indexes(cards []card) (out []string) {
	for _, c := range cards {
		out = append(out, c.index)
	}
	return out
}

// serves reports whether a process is the server's.
func (n *NVIDIA) serves(pid uint32) bool {
	return n.server != nil && slices.Contains(n.server(), int32(pid))
}

// answers reports whether every GPU answers a question. One that a driver does not
// know is not even asked: to call a function that its library lacks ends the process.
func (n *NVIDIA) answers(a ask) bool {
	if n.lib.Extensions().LookupSymbol(a.symbol) != nil {
		n.remarks = append(n.remarks, "NVIDIA's driver is too old to tell the "+a.name+" of its GPUs")
		return false
	}
	for _, c := range n.cards {
		if _, ret := a.of(c); untold(ret) {
			if !a.optional {
				n.remarks = append(n.remarks, fmt.Sprintf("GPU %s does not tell its %s (%s)", c.index, a.name, strings.ToLower(ret.Error())))
			}
			return false
		}
	}
	return true
}

func untold(ret nvml.Return) bool {
	return slices.Contains([]nvml.Return{nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_FUNCTION_NOT_FOUND, nvml.ERROR_INVALID_ARGUMENT,
		nvml.ERROR_NO_PERMISSION, nvml.ERROR_NOT_FOUND, nvml.ERROR_ARGUMENT_VERSION_MISMATCH}, ret)
}

// readAll asks all GPUs everything. Figures are sums and means over all of them: when
// one does not answer there is none, rather than one that is too small.
func (n *NVIDIA) readAll() (out []harness.Reading, err error) {
	for _, c := range n.cards {
		for _, a := range n.asks {
			values, ret := a.of(c)
			if ret != nvml.SUCCESS {
				return nil, fmt.Errorf("GPU %s, %s: %w", c.index, a.name, lost(ret))
			}
			out = append(out, ofGPU(c.index, values...)...)
		}
	}
	return out, nil
}

// lost says in words what it means when a GPU is gone.
func lost(ret nvml.Return) error {
	switch ret {
	case nvml.ERROR_GPU_IS_LOST:
		return errors.New("the GPU is lost: the driver cannot reach it any more (dmesg has its Xid); it needs a reset or a restart of the machine")
	case nvml.ERROR_RESET_REQUIRED:
		return errors.New("the GPU needs a reset")
	}
	return ret
}

// GPUs are those that are watched.
func (n *NVIDIA) GPUs() []GPU { return n.about }

// Remarks are what is not watched, and why.
func (n *NVIDIA) Remarks() []string { return n.remarks }

// Close gives the library back, unless it hangs: what is asked of one that is closed
// meanwhile ends the process.
func (n *NVIDIA) Close() {
	select {
	case n.busy <- struct{}{}:
		n.lib.Shutdown()
	default:
	}
}
