package sampler

import (
	"bytes"
	"fmt"
	"mime"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// A page is metrics in the Prometheus text format, as vLLM's Python front end and
// most exporters write it, or in OpenMetrics, as vLLM's Rust front end does.
type page struct {
	text        []byte
	openMetrics bool
}

func newPage(contentType string, text []byte) page {
	kind, _, _ := mime.ParseMediaType(contentType)
	return page{text, kind == "application/openmetrics-text" || bytes.HasSuffix(bytes.TrimRight(text, "\n"), []byte("\n# EOF"))}
}

// whole is an error where the page has no end: connections break, and half of the
// engines would be half of the load.
func (p page) whole() error {
	switch {
	case p.openMetrics && !bytes.HasSuffix(bytes.TrimRight(p.text, "\n"), []byte("# EOF")):
		return fmt.Errorf("the page is cut short after %d bytes: it has no end mark", len(p.text))
	case len(p.text) > 0 && p.text[len(p.text)-1] != '\n':
		return fmt.Errorf("the page is cut short after %d bytes, in the middle of a line", len(p.text))
	}
	return nil
}

// families are the families whose samples are kept. Lines of others are not even
// parsed: of a page of vLLM's that is half, and reading must cost little.
func (p page) families(keep func(sample string) bool) (map[string]*dto.MetricFamily, error) {
	if err := p.whole(); err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(p.kept(keep)))
	if err != nil {
		return nil, fmt.Errorf("the page is malformed: %w", err)
	}
	return families, nil
}

// kept is what is kept of the page, in the older text format: of OpenMetrics
// without exemplars and end mark, and with the type of a counter under the name that
// its samples have.
func (p page) kept(keep func(sample string) bool) []byte {
	out := make([]byte, 0, len(p.text))
	for line := range bytes.Lines(p.text) {
		name := line
		if rest, ok := bytes.CutPrefix(line, []byte("# ")); ok {
			if name, ok = bytes.CutPrefix(rest, []byte("TYPE ")); !ok {
				continue
			}
		}
		if end := bytes.IndexAny(name, "{ \n"); end > 0 {
			name = name[:end]
		}
		if !keep(string(name)) {
			continue
		}
		if !p.openMetrics {
			out = append(out, line...)
			continue
		}
		if fields := strings.Fields(string(line)); len(fields) == 4 && fields[1] == "TYPE" && fields[3] == "counter" {
			out = fmt.Appendf(out, "# TYPE %s_total counter\n", strings.TrimSuffix(fields[2], "_total"))
			continue
		}
		sample, _, _ := bytes.Cut(line, []byte(" # {"))
		out = append(append(out, bytes.TrimRight(sample, "\n")...), '\n')
	}
	return out
}
