package sampler

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/vllmspec/vllmspec/harness"
)

// Exporters reads the GPUs of several machines at one instant.
type Exporters []*Exporter

// String is what is watched.
func (e Exporters) String() string { return "gpu" }

// Read scrapes all of them. When one does not answer there is no figure, rather than
// one that is too small. A GPU that two pages have counts once.
func (e Exporters) Read(ctx context.Context) ([]harness.Reading, error) {
	readings, errs := make([][]harness.Reading, len(e)), make([]error, len(e))
	var reading sync.WaitGroup
	for i, one := range e {
		reading.Go(func() { readings[i], errs[i] = one.Read(ctx) })
	}
	reading.Wait()
	if err := inOneLine(errs); err != nil {
		return nil, err
	}
	var all []harness.Reading
	seen := map[string]bool{}
	for i, one := range e {
		for _, r := range readings[i] {
			if at, err := url.Parse(one.URL); err == nil && r.Labels["host"] == "" {
				r.Labels["host"] = at.Host
			}
			if series := fmt.Sprint(r.Series, r.Labels); !seen[series] {
				seen[series] = true
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// GPUs are those of all pages, each once.
func (e Exporters) GPUs() (out []GPU) {
	seen := map[string]bool{}
	for _, one := range e {
		for _, g := range one.GPUs() {
			if g.UUID == "" || !seen[g.UUID] {
				seen[g.UUID] = true
				out = append(out, g)
			}
		}
	}
	return out
}
