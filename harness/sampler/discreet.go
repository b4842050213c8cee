package sampler

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// Discreet is a sampler that shows no secrets in labels and errors, which are the server's, or an
// exporter's.
type Discreet struct {
	harness.Sampler
	secrets *credentials.Secrets
	seen    map[string]string // labels say the same in each reading
	hidden  map[string]string // what stands for values that are hidden: another one for each
}

// NewDiscreet is a sampler that knows these secrets.
func NewDiscreet(of harness.Sampler, secrets *credentials.Secrets) *Discreet {
	return &Discreet{of, secrets, map[string]string{}, map[string]string{}}
}

// Read is the sampler's, without secrets.
func (d *Discreet) Read(ctx context.Context) ([]harness.Reading, error) {
	readings, err := d.Sampler.Read(ctx)
	return d.clean(readings, err)
}

// ReadAtEnd is the sampler's where it is a [harness.EndReader], without secrets.
func (d *Discreet) ReadAtEnd(ctx context.Context) ([]harness.Reading, error) {
	if of, ok := d.Sampler.(harness.EndReader); ok {
		readings, err := of.ReadAtEnd(ctx)
		return d.clean(readings, err)
	}
	return d.Read(ctx)
}

// EndWithin is the sampler's.
func (d *Discreet) EndWithin() time.Duration {
	if of, ok := d.Sampler.(harness.EndReader); ok {
		return of.EndWithin()
	}
	return 0
}

// clean takes secrets out of what was read.
func (d *Discreet) clean(readings []harness.Reading, err error) ([]harness.Reading, error) {
	const most = 100_000 // different texts that are remembered
	if len(d.seen) > most {
		clear(d.seen)
	}
	for i := range readings {
		r := &readings[i]
		r.Series = d.once(r.Series, d.secrets.Own)
		for name, value := range r.Labels {
			if clean := d.label(name, value); clean != value {
				r.Labels[name] = clean
			}
		}
	}
	if err != nil {
		if text := plain.Line(d.secrets.Text(err.Error())); text != err.Error() {
			err = &redact.Error{Text: text, Err: err}
		}
	}
	return readings, err
}

// label is the value of a label. What is hidden of different values stays different, or their
// series would be one; the bounds of a histogram's buckets are numbers.
func (d *Discreet) label(name, value string) string {
	if name == "le" || name == "quantile" {
		return value
	}
	clean := redact.Value(name, d.once(value, d.secrets.Text))
	if clean == value || !strings.Contains(clean, redact.Hidden) {
		return clean
	}
	shown, known := d.hidden[value]
	if !known {
		shown = fmt.Sprintf("%s%d", clean, len(d.hidden)+1)
		d.hidden[value] = shown
	}
	return shown
}

func (d *Discreet) once(text string, clean func(string) string) string {
	if _, known := d.seen[text]; !known {
		d.seen[text] = plain.Line(clean(text))
	}
	return d.seen[text]
}

// Kind is the software whose page is read, where that is known.
func (d *Discreet) Kind() servers.Kind {
	if of, ok := d.Sampler.(interface{ Kind() servers.Kind }); ok {
		return of.Kind()
	}
	return servers.Unknown
}

// String is what is read.
func (d *Discreet) String() string {
	if named, ok := d.Sampler.(fmt.Stringer); ok {
		return named.String()
	}
	return "source"
}

// Remarks are the sampler's.
func (d *Discreet) Remarks() (all []string) {
	if remarking, ok := d.Sampler.(interface{ Remarks() []string }); ok {
		for _, remark := range remarking.Remarks() {
			all = append(all, plain.Line(d.secrets.Text(remark)))
		}
	}
	return all
}
