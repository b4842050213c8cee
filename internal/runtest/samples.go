package runtest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// sample reads `server vllm:num_requests_waiting{engine="1"} 0 3 0+1x4`: a source, a
// series, and its values in the notation of Prometheus's own tests, one each reading.
func (d *draft) sample(rest string) error {
	source, rest, _ := strings.Cut(rest, " ")
	series, notation := cutSeries(rest)
	name, labels, err := parseSeries(source, series)
	if err != nil {
		return err
	}
	values, err := parseValues(notation)
	if err != nil {
		return err
	}
	d.add(source, name, labels, values)
	return nil
}

func (d *draft) add(source, name string, labels map[string]string, values []float64) {
	for i, v := range values {
		if !math.IsNaN(v) {
			d.samples = append(d.samples, harness.Sample{At: time.Duration(i) * d.read,
				Reading: harness.Reading{Source: source, Series: name, Labels: labels, Value: v}})
		}
	}
}

// histogram reads "vllm:request_queue_time_seconds 0+10x6 of 600ms below 1s": how many
// the server had observed at each reading, their mean, and a bound below which all lie.
func (d *draft) histogram(rest string) error {
	name, rest, _ := strings.Cut(rest, " ")
	notation, rest, _ := strings.Cut(rest, " of ")
	values, err := parseValues(notation)
	if err != nil {
		return err
	}
	mean, bound, _ := strings.Cut(rest, " ")
	of, err := time.ParseDuration(mean)
	if err != nil {
		return err
	}
	below, err := after(bound, "below")
	if err != nil {
		return err
	}
	for _, le := range []float64{.1, .5, 1, 2.5, math.Inf(1)} {
		inBucket := make([]float64, len(values))
		for i, n := range values {
			if below.Seconds() <= le {
				inBucket[i] = n
			}
		}
		d.add("server", name+"_bucket", map[string]string{"engine": "0", "le": strconv.FormatFloat(le, 'g', -1, 64)}, inBucket)
	}
	sums := make([]float64, len(values))
	for i, n := range values {
		sums[i] = n * of.Seconds()
	}
	d.add("server", name+"_sum", map[string]string{"engine": "0"}, sums)
	d.add("server", name+"_count", map[string]string{"engine": "0"}, values)
	return nil
}

// cutSeries cuts a series with its labels off what follows it.
func cutSeries(rest string) (series, values string) {
	if end := strings.IndexByte(rest, '}'); end >= 0 {
		return rest[:end+1], rest[end+1:]
	}
	series, values, _ = strings.Cut(rest, " ")
	return series, values
}

// parseSeries reads `name{a="b",c="d"}`. What the server reports is of its engine "0",
// unless another one is given.
func parseSeries(source, series string) (name string, labels map[string]string, err error) {
	labels = map[string]string{}
	if source == "server" {
		labels["engine"] = "0"
	}
	name, rest, has := strings.Cut(strings.TrimSuffix(series, "}"), "{")
	if name == "" {
		return "", nil, fmt.Errorf("%q has no name", series)
	}
	if !has {
		return name, labels, nil
	}
	for pair := range strings.SplitSeq(rest, ",") {
		label, quoted, _ := strings.Cut(pair, "=")
		value, err := strconv.Unquote(quoted)
		if err != nil {
			return "", nil, fmt.Errorf("the label %q: %w", pair, err)
		}
		labels[strings.TrimSpace(label)] = value
	}
	return name, labels, nil
}

// parseValues reads "3 _ 0+10x5 4x2": a value, none (NaN), one that rises by ten five
// times, one that comes twice more.
func parseValues(notation string) (out []float64, err error) {
	for field := range strings.FieldsSeq(notation) {
		text, times, repeated := strings.Cut(field, "x")
		n := 0
		if repeated {
			if n, err = number(times); err != nil {
				return nil, err
			}
		}
		if text == "_" {
			for range max(1, n) {
				out = append(out, math.NaN())
			}
			continue
		}
		from, by, err := parseRise(text)
		if err != nil {
			return nil, err
		}
		for i := range n + 1 {
			out = append(out, from+float64(i)*by)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there is no value in %q", notation)
	}
	return out, nil
}

// parseRise reads "5", "0+10" or "9-1.5": a value, and by how much the next is larger.
func parseRise(text string) (from, by float64, err error) {
	sign := strings.IndexAny(text[1:], "+-") + 1
	if sign > 0 {
		if by, err = strconv.ParseFloat(text[sign:], 64); err != nil {
			return 0, 0, err
		}
		text = text[:sign]
	}
	from, err = strconv.ParseFloat(text, 64)
	return from, by, err
}
