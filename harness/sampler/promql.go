package sampler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// PromQL reads the metrics of all engines of a fleet from the Prometheus server that scrapes them. Each reading has
// the label "replica", the address at which its engine was scraped.
//
// What Prometheus has is as old as its last scrape. A reading in the middle of a run that would be older than a second
// is an error, and so a gap. At both ends of a run, a scrape of every engine is awaited that began after
// the call, so that counters are those of just this run.
type PromQL struct {
	Server   PrometheusServer
	Selector string   // of the engines' series: `{namespace="llm"}`; "": all of vLLM's
	Models   []string // as of [Prometheus]
	Wanted   []string // as of [Prometheus]

	Until       time.Time       // no scrape is awaited any longer; zero: as long as EndWithin
	Interrupted <-chan struct{} // once it is closed, a scrape is awaited for a second more; nil: it never is

	engines map[string]*Prometheus // by the label "instance"
}

// How old values may be, and how long a new scrape is awaited: a scrape interval of a minute is Prometheus's default.
const (
	freshMost   = time.Second + 100*time.Millisecond
	scrapeMost  = 75 * time.Second
	scrapeAsked = 100 * time.Millisecond // how often it is asked whether there was one
	scrapeLeast = time.Second            // awaited also where there is no time left
	answerMost  = 10 * time.Second       // for one answer of Prometheus while a scrape is awaited
)

// String is what is watched.
func (p *PromQL) String() string { return "server" }

// Kind is the software of the first engine.
func (p *PromQL) Kind() servers.Kind {
	for _, name := range slices.Sorted(maps.Keys(p.engines)) {
		return p.engines[name].Kind()
	}
	return servers.Unknown
}

// Remarks are those of the engines, each once.
func (p *PromQL) Remarks() (all []string) {
	for _, name := range slices.Sorted(maps.Keys(p.engines)) {
		all = append(all, p.engines[name].Remarks()...)
	}
	return all
}

// EndWithin is how long a scrape is awaited.
func (p *PromQL) EndWithin() time.Duration { return scrapeMost }

// Read reads the values of the last scrape of each engine, where none is too old.
func (p *PromQL) Read(ctx context.Context) ([]harness.Reading, error) {
	at, err := p.scraped(ctx)
	if err != nil {
		return nil, p.failed(err)
	}
	if age := at.age(); age > freshMost {
		return nil, p.failed(fmt.Errorf("its last scrape of %s is %.1f s old; a scrape_interval of 1s gives a reading each second", at.oldest, age.Seconds()))
	}
	readings, err := p.read(ctx, at)
	return readings, p.failed(err)
}

// ReadAtEnd waits for a scrape of each engine that began after the call, and reads that. It asks until there is one: an
// error that may pass, such as that of a proxy or of a scrape that failed, ends nothing.
func (p *PromQL) ReadAtEnd(ctx context.Context) ([]harness.Reading, error) {
	ctx, cancel := p.awaiting(ctx)
	defer cancel()
	began, after, last := time.Now(), 0.0, error(nil)
	for {
		readings, err := p.readAfter(ctx, &after)
		if _, lasting := errors.AsType[*lastingError](err); err == nil || lasting {
			return readings, p.failed(err)
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return nil, p.failed(fmt.Errorf("no new scrape of every engine came in %.3g s: %w", time.Since(began).Seconds(), last))
		case <-time.After(scrapeAsked):
		}
	}
}

// awaiting is a context that ends when a scrape is awaited no longer. There is always time to ask once.
func (p *PromQL) awaiting(ctx context.Context) (context.Context, context.CancelFunc) {
	most := scrapeMost
	if !p.Until.IsZero() {
		most = min(most, max(time.Until(p.Until), scrapeLeast))
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	go func() {
		select {
		case <-p.Interrupted:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(scrapeLeast):
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// readAfter reads the last scrape of each engine, where all began after an instant of Prometheus's clock; where that
// is 0, it becomes the present one.
func (p *PromQL) readAfter(ctx context.Context, after *float64) (readings []harness.Reading, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	at, err := p.scraped(ctx)
	if err == nil {
		*after = cmp.Or(*after, at.now)
		if at.least < *after {
			return nil, fmt.Errorf("%s was not scraped again", at.oldest)
		}
		at.least = at.now // nothing was asked meanwhile, and so it is no age
		readings, err = p.read(ctx, at)
	}
	if ctx.Err() != nil && err != nil {
		err = errors.New("it does not answer")
	}
	return readings, err
}

// failed is an error with the server that it is of.
func (p *PromQL) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("Prometheus at %s: %w", p.Server.where(), err)
}

// scrapes are when engines were scraped, by Prometheus's own clock, in seconds.
type scrapes struct {
	now, least float64 // when it was asked, and the scrape of that engine which was scraped first
	oldest     string  // that engine
	engines    map[string]bool
}

func (s scrapes) age() time.Duration { return time.Duration((s.now - s.least) * float64(time.Second)) }

// scraped asks when each engine was scraped last. An engine is what has a queue of vLLM's.
func (p *PromQL) scraped(ctx context.Context) (at scrapes, err error) {
	found, err := p.Server.query(ctx, "timestamp("+p.selected("=", vllm.NumRequestsRunning)+")", 0)
	if err != nil {
		return at, err
	}
	if len(found) == 0 {
		err = fmt.Errorf("it has no series %s; is the selector right, and does it scrape the engines?", p.selected("=", vllm.NumRequestsRunning))
		if p.engines == nil {
			err = &lastingError{err}
		}
		return at, err
	}
	at.engines = map[string]bool{}
	for i, s := range found {
		if i == 0 || s.value < at.least {
			at.least, at.oldest = s.value, s.instance()
		}
		at.now = s.at
		at.engines[s.instance()] = true
	}
	for _, name := range slices.Sorted(maps.Keys(p.engines)) {
		if !at.engines[name] {
			return at, fmt.Errorf("the engine %s is missing, and was there before", name)
		}
	}
	return at, onceEach(found)
}

// onceEach is an error where two series are of one queue: then each counter is there twice, and a sum is double.
func onceEach(found []promSample) error {
	first := map[[3]string]promSample{}
	for _, s := range found {
		queue := [3]string{s.instance(), s.labels["model_name"], s.labels["engine"]}
		other, twice := first[queue]
		if !twice {
			first[queue] = s
			continue
		}
		names := slices.Sorted(maps.Keys(s.labels))
		names = append(append([]string{"job"}, names...), slices.Sorted(maps.Keys(other.labels))...)
		for _, name := range names {
			if values := []string{other.labels[name], s.labels[name]}; values[0] != values[1] {
				slices.Sort(values)
				return &lastingError{fmt.Errorf("%s is scraped twice, with %s=%q and with %s=%q; narrow VLLM_PROMETHEUS_SELECTOR to one of them", s.instance(), name, values[0], name, values[1])}
			}
		}
	}
	return nil
}

// read reads all series as they were at an instant of Prometheus's clock.
func (p *PromQL) read(ctx context.Context, at scrapes) (all []harness.Reading, err error) {
	found, err := p.Server.query(ctx, p.selected("=~", p.names()), at.now)
	if err != nil {
		return nil, err
	}
	pages := map[string][]metric{}
	for _, s := range found {
		if !at.engines[s.instance()] {
			continue // Prometheus itself, a gateway: what is no engine has series of these names too
		}
		engine := p.engine(s.instance())
		if name := s.labels["__name__"]; engine.keeps(name) {
			delete(s.labels, "__name__")
			pages[s.instance()] = append(pages[s.instance()], metric{name: name, labels: s.labels, value: s.value})
		}
	}
	if len(pages) < len(at.engines) {
		return nil, errors.New("it has not all series of each engine")
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		readings, err := p.engines[name].readings(pages[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, r := range readings {
			r.Labels["replica"] = name
			all = append(all, r)
		}
	}
	return append(all, harness.Reading{Source: "watch", Series: harness.SeriesAge, Labels: map[string]string{"of": "server"}, Value: max(0, at.age().Seconds())}), nil
}

// engine is what reads the series of one engine.
func (p *PromQL) engine(instance string) *Prometheus {
	of := p.engines[instance]
	if of == nil {
		if p.engines == nil {
			p.engines = map[string]*Prometheus{}
		}
		of = &Prometheus{URL: instance, Source: "server", Models: p.Models, Wanted: p.Wanted, table: servers.NewTranslator()}
		p.engines[instance] = of
	}
	return of
}

// names is a regular expression of the series that are read.
func (p *PromQL) names() string {
	names := []string{"vllm:.+", "http_requests_total", "process_start_time_seconds"}
	for _, name := range p.Wanted {
		names = append(names, regexp.QuoteMeta(name))
	}
	return strings.Join(names, "|")
}

// selected is a selector of series by name, with the user's own conditions.
func (p *PromQL) selected(operator, name string) string {
	own := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(p.Selector), "{"), "}"))
	if own = strings.TrimSuffix(own, ","); own != "" {
		own = ", " + own
	}
	return fmt.Sprintf("{__name__%s%q%s}", operator, name, own)
}

// instance is at which address the engine was scraped; where Prometheus leaves that out, its pod.
func (s promSample) instance() string { return cmp.Or(s.labels["instance"], s.labels["pod"]) }
