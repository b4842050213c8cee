package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
)

// A guideReader goes through a report, of which it keeps the requests of one benchmark at a time.
type guideReader struct {
	d       *json.Decoder
	path    string
	version string
	all     []*Result
}

func readGuideLLM(path string) ([]*Result, error) {
	r, done, err := text(path)
	if err != nil {
		return nil, err
	}
	defer done()
	g := &guideReader{d: json.NewDecoder(r), path: path}
	if err := g.report(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(g.all) == 0 {
		return nil, fmt.Errorf("%s: it has no benchmark", path)
	}
	return g.all, nil
}

// object calls use with the name of each field of the object that comes, whose value comes next.
func (g *guideReader) object(use func(name string) error) error {
	token, err := g.d.Token()
	if err != nil {
		return explain(err)
	}
	if token == nil {
		return nil
	}
	if token != json.Delim('{') {
		return fmt.Errorf("an object is wanted, and %v stands there", token)
	}
	for g.d.More() {
		name, err := g.d.Token()
		if err != nil {
			return explain(err)
		}
		if err := use(fmt.Sprint(name)); err != nil {
			return err
		}
	}
	_, err = g.d.Token()
	return explain(err)
}

// list calls use with the number of each element of the list that comes.
func (g *guideReader) list(use func(i int) error) error {
	token, err := g.d.Token()
	if err != nil {
		return explain(err)
	}
	if token == nil {
		return nil
	}
	if token != json.Delim('[') {
		return fmt.Errorf("a list is wanted, and %v stands there", token)
	}
	for i := 0; g.d.More(); i++ {
		if err := use(i); err != nil {
			return err
		}
	}
	_, err = g.d.Token()
	return explain(err)
}

// into reads the value that comes.
func (g *guideReader) into(v any) error { return explainField(g.d.Decode(v)) }

// skip leaves the value that comes out.
func (g *guideReader) skip() error {
	token, err := g.d.Token()
	if err == nil && (token == json.Delim('{') || token == json.Delim('[')) {
		err = skipRest(g.d)
	}
	return explain(err)
}

func (g *guideReader) report() error {
	return g.object(func(name string) error {
		switch name {
		case "metadata":
			var about struct {
				Version string `json:"guidellm_version"`
			}
			err := g.into(&about)
			g.version = clean(about.Version)
			return inField(name, err)
		case "benchmarks":
			return g.list(func(i int) error { return inField(fmt.Sprintf("benchmarks.%d", i), g.benchmark(i)) })
		}
		return inField(name, g.skip())
	})
}

// inField says in which field something is wrong.
func inField(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (g *guideReader) benchmark(i int) error {
	b := &guideBenchmark{version: g.version}
	if err := g.object(func(name string) error { return inField(name, g.field(b, name)) }); err != nil {
		return err
	}
	result, err := b.result(i)
	if err == nil {
		g.all = append(g.all, result)
	}
	return err
}

func (g *guideReader) field(b *guideBenchmark, name string) error {
	switch name {
	case "config":
		return g.into(&b.config)
	case "start_time":
		return g.into(&b.start)
	case "duration":
		return g.into(&b.duration)
	case "args": // of older versions
		var args struct {
			Strategy json.RawMessage `json:"strategy"`
		}
		err := g.into(&args)
		if len(args.Strategy) > 0 {
			err = errors.Join(err, explainField(json.Unmarshal(args.Strategy, &b.config.Strategy)))
		}
		return err
	case "metrics":
		var raw map[string]json.RawMessage
		err := g.into(&raw)
		b.rawMetrics(raw)
		return err
	case "requests":
		return g.object(func(status string) error {
			switch of := guideStatus(status); of {
			case guideDone, guideErrored, guideIncomplete:
				return inField(status, g.list(func(i int) error {
					one := guideRequest{status: of}
					err := g.into(&one)
					b.requests = append(b.requests, one)
					return inField(fmt.Sprint(i), err)
				}))
			}
			return g.skip()
		})
	}
	return g.skip()
}
