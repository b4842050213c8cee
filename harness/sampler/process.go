package sampler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/shirou/gopsutil/v3/net"
	"github.com/shirou/gopsutil/v3/process"

	"github.com/vllmspec/vllmspec/harness"
)

// A Process is the server's, found by the port that it listens on, and all that it
// has started: vLLM is several processes, of which one listens, one computes, and
// the others compute with it. Of several replicas on this machine it is all of them.
type Process struct {
	unseen  string // why it cannot be watched; "" where it can
	forward bool   // who listens passes on to another machine

	roots   []int32
	members map[int32]*member
	cpu     float64      // s that all have used since they were found, those that have ended included
	walked  time.Time    // when the members were looked for
	pids    atomic.Value // []int32, for who wants to know whose a GPU is
}

// A member is one process, and the CPU that it had used at the last reading.
type member struct {
	*process.Process
	used float64 // s
}

// walkEvery is how long members are taken for granted: to look at all processes of
// a machine costs more than all the rest together, and vLLM starts its own once.
const walkEvery = 30 * time.Second

// FindProcess finds who listens on ports of this machine. Where that cannot be
// known it is a process that says why, in a warning, and is not read.
func FindProcess(ctx context.Context, ports ...uint16) *Process {
	p := &Process{members: map[int32]*member{}}
	for _, port := range ports {
		root, err := p.server(ctx, port)
		if err != nil {
			p.unseen, p.roots = fmt.Sprintf("the server's process was not watched: %v", err), nil
			return p
		}
		p.roots = append(p.roots, root)
	}
	p.walk(ctx)
	return p
}

// server is the process that serves at a port, if it is one that can be watched.
func (p *Process) server(ctx context.Context, port uint16) (int32, error) {
	pid, err := listener(ctx, port)
	if err != nil {
		return 0, err
	}
	if int(pid) == os.Getpid() {
		return 0, errors.New("the server is a part of this one")
	}
	root, err := process.NewProcessWithContext(ctx, pid)
	if err != nil {
		return 0, err
	}
	name, err := root.NameWithContext(ctx)
	if err != nil {
		return 0, err
	}
	p.forward = p.forward || slices.Contains([]string{"ssh", "sshd", "kubectl", "socat"}, name)
	if p.forward || slices.Contains([]string{"docker-proxy", "rootlessport", "slirp4netns", "pasta", "nginx", "haproxy", "envoy", "caddy", "traefik"}, name) {
		return 0, fmt.Errorf("%s listens on port %d, which passes on what comes", name, port)
	}
	return pid, nil
}

// Here reports whether the server's process was found on this machine.
func (p *Process) Here() bool { return p != nil && p.unseen == "" }

// PIDs are the server's processes, as they were found last; nil where it is not here.
func (p *Process) PIDs() []int32 {
	pids, _ := p.pids.Load().([]int32)
	return pids
}

// Forwards reports whether what listens here passes on to a server on another machine.
func (p *Process) Forwards() bool { return p != nil && p.forward }

// listener is the process that listens on a port.
func listener(ctx context.Context, port uint16) (int32, error) {
	connections, err := net.ConnectionsWithContext(ctx, "tcp")
	if err != nil {
		return 0, err
	}
	found := int32(0)
	for _, c := range connections {
		if c.Status != "LISTEN" || c.Laddr.Port != uint32(port) {
			continue
		}
		if c.Pid != 0 && (found == 0 || c.Pid < found) { // the one that was first started the others
			found = c.Pid
		}
		if c.Pid == 0 && found == 0 {
			err = fmt.Errorf("who listens on port %d belongs to another user, or is in a container", port)
		}
	}
	switch {
	case found != 0:
		return found, nil
	case err == nil:
		err = fmt.Errorf("no process of this machine listens on port %d", port)
	}
	return 0, err
}

// walk looks for the members anew: the root and all that descend from it.
func (p *Process) walk(ctx context.Context) {
	p.walked = time.Now()
	pids, err := process.PidsWithContext(ctx)
	if err != nil {
		return
	}
	children := map[int32][]int32{}
	for _, pid := range pids {
		if parent, ok := parentOf(pid); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	family := slices.Compact(slices.Sorted(slices.Values(p.roots)))
	for i := 0; i < len(family); i++ {
		family = append(family, children[family[i]]...)
	}
	for _, pid := range family {
		if p.members[pid] == nil {
			p.admit(ctx, pid)
		}
	}
	p.pids.Store(family)
}

func (p *Process) admit(ctx context.Context, pid int32) {
	one, err := process.NewProcessWithContext(ctx, pid)
	if err != nil {
		return // it has ended meanwhile
	}
	if t, err := one.TimesWithContext(ctx); err == nil {
		p.members[pid] = &member{one, t.User + t.System}
	}
}

// read is what the server's processes use together. A process that has ended keeps
// what it had used: a sum that falls would look like a server that was started again.
func (p *Process) read(ctx context.Context) []harness.Reading {
	if !p.Here() {
		return nil
	}
	if time.Since(p.walked) >= walkEvery {
		p.walk(ctx)
	}
	var resident, threads float64
	for pid, m := range p.members {
		t, err := m.TimesWithContext(ctx)
		memory, err2 := m.MemoryInfoWithContext(ctx)
		if err != nil || err2 != nil {
			delete(p.members, pid)
			continue
		}
		p.cpu += max(0, t.User+t.System-m.used)
		m.used = t.User + t.System
		resident += float64(memory.RSS)
		if n, err := m.NumThreadsWithContext(ctx); err == nil {
			threads += float64(n)
		}
	}
	for _, root := range p.roots {
		if p.members[root] == nil {
			return nil // it has ended: what is left of it is not the server
		}
	}
	out := []harness.Reading{
		host("server_processes", float64(len(p.members))), host("server_threads", threads),
		host("server_cpu_seconds", p.cpu), host("server_rss_bytes", resident),
	}
	return append(out, p.box()...)
}

// box is what the server's container allows it, where it is in one that we can see.
func (p *Process) box() (out []harness.Reading) {
	if len(p.roots) != 1 {
		return nil // each replica has its own
	}
	b := boxOf("/", strconv.Itoa(int(p.roots[0])))
	out = append(out, host("server_cpus_available", b.cpus))
	if b.throttled >= 0 {
		out = append(out, host("server_throttled_seconds", b.throttled))
	}
	if b.memory > 0 {
		out = append(out, host("server_container_memory_used_bytes", b.used), host("server_container_memory_limit_bytes", b.memory))
	}
	return out
}

// OnThisMachine reports whether an address is one of this machine's own.
func OnThisMachine(ctx context.Context, hostname string) bool {
	if hostname == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(hostname)
	if err != nil {
		return false // a name: to look it up risks a wrong answer
	}
	if address.IsLoopback() || address.IsUnspecified() {
		return true
	}
	cards, err := net.InterfacesWithContext(ctx)
	if err != nil {
		return false
	}
	for _, card := range cards {
		for _, own := range card.Addrs {
			if prefix, err := netip.ParsePrefix(own.Addr); err == nil && prefix.Addr() == address {
				return true
			}
		}
	}
	return false
}

// PortsHere are the ports of a server whose every replica is on this machine; nil
// where one is elsewhere.
func PortsHere(ctx context.Context, urls []string) (ports []uint16) {
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil || !OnThisMachine(ctx, u.Hostname()) {
			return nil
		}
		port, err := strconv.ParseUint(cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]), 10, 16)
		if err != nil {
			return nil
		}
		ports = append(ports, uint16(port))
	}
	return ports
}
