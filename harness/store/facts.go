package store

import (
	"bufio"
	"maps"
	"os"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// Facts are what samples report that does not change while a run goes on. They are a
// sink.
type Facts struct {
	cache             map[string]string
	cpus              float64
	limit, hostMemory float64 // bytes
}

// Record does nothing.
func (f *Facts) Record(harness.Record) error { return nil }

// Close does nothing.
func (f *Facts) Close() error { return nil }

// Sample takes a sample.
func (f *Facts) Sample(s harness.Sample) error {
	switch s.Source + " " + s.Series {
	case "server " + vllm.CacheConfigInfo:
		if f.cache == nil {
			f.cache = maps.Clone(s.Labels)
		}
	case "client cpus_available":
		f.cpus = s.Value
	case "client container_memory_limit_bytes":
		f.limit = s.Value
	case "host memory_total_bytes":
		f.hostMemory = s.Value
	}
	return nil
}

// Complete puts them into a manifest.
func (f *Facts) Complete(m *Manifest) {
	m.Server.CacheConfig = f.cache
	m.Host.CPULimit, m.Host.MemoryLimit, m.Host.MemoryBytes = f.cpus, f.limit, f.hostMemory
}

// cpuName is what a processor calls itself in Linux's list of them; "" where it is not
// reported.
func cpuName(list string) string {
	file, err := os.Open(list)
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
