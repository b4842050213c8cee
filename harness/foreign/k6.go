package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// k6 writes with --out json one point a line: of each HTTP request its phases, one after the other,
// with the instant at which it ended. With --summary-export it writes the figures. It knows no
// tokens, and of an answer when its first byte came and when it was whole.
func k6Format() format {
	return format{tool: K6, name: "k6", looks: "lines of --out json, whose objects have metric, type and data; the file of --summary-export may be named beside it",
		is: func(h *head) kind {
			switch {
			case h.has("metric", "type", "data") && (h.types["type"] == "Metric" || h.types["type"] == "Point"):
				return detail
			case h.has("metrics.http_reqs"), h.has("metrics", "root_group"):
				return summary
			}
			return none
		},
		read: readK6}
}

// A k6Line is a metric's description, or a point of it.
type k6Line struct {
	Metric string `json:"metric"`
	Type   string `json:"type"`
	Data   struct {
		Time  time.Time         `json:"time"`
		Value float64           `json:"value"`
		Tags  map[string]string `json:"tags"`
	} `json:"data"`
}

// A k6Request is the points of one request.
type k6Request struct {
	line  line
	ended time.Time
	tags  map[string]string
	ms    map[string]float64 // by metric
}

// apart reports whether a script's setup or teardown sent it: it is none of the load, though k6's figures count it.
func (q *k6Request) apart() bool {
	return q.tags["group"] == "::setup" || q.tags["group"] == "::teardown"
}

// took is one of its phases.
func (q *k6Request) took(phase string) (time.Duration, error) {
	ms, is := q.ms[phase]
	if !is {
		return 0, fmt.Errorf("%s: this request has no point of it: the file was filtered, or cut off", phase)
	}
	return span(ms/1000, phase, 0)
}

// record is the request, whose run began at an instant.
func (q *k6Request) record(base time.Time) (harness.Record, error) {
	var times [5]time.Duration
	var err error
	for i, phase := range []string{"http_req_duration", "http_req_sending", "http_req_waiting", "http_req_connecting", "http_req_tls_handshaking"} {
		d, wrong := q.took(phase)
		times[i], err = d, errors.Join(err, wrong)
	}
	if err != nil {
		return harness.Record{}, err
	}
	done := q.ended.Sub(base)
	if done < times[0] || done > longest {
		return harness.Record{}, fmt.Errorf("data.time is %s: it lies outside of the run, which began at %s", q.ended.Format(time.RFC3339Nano), base.Format(time.RFC3339Nano))
	}
	sent := done - times[0]
	r := harness.NewRecord(0, sent)
	r.Sent, r.Done, r.DueUnknown, r.Seen, r.Good = sent, done, true, harness.SeenNone, true
	if status, err := strconv.Atoi(q.tags["status"]); err == nil && status > 0 {
		r.HTTPStatus = status
	}
	if times[2] > 0 {
		r.Headers = sent + times[1] + times[2]
	}
	if connecting := times[3] + times[4]; connecting > 0 {
		r.Connecting = connecting
	}
	if times[4] > 0 {
		r.Securing = times[4]
	}
	if q.failed(r.HTTPStatus) {
		q.fail(&r)
	}
	return r, nil
}

// failed is what k6 says; a script can have it say nothing.
func (q *k6Request) failed(status int) bool {
	if failed, is := q.ms["http_req_failed"]; is {
		return failed != 0
	}
	return status >= 400 || status <= 0
}

func (q *k6Request) fail(r *harness.Record) {
	status := r.HTTPStatus
	fail(r, q.tags["error"])
	if status >= 400 {
		r.Failure, r.HTTPStatus = harness.HTTPFailure(status), status
	} else if code, err := strconv.Atoi(q.tags["error_code"]); err == nil && code == 1050 {
		r.Failure = harness.Timeout
	}
}

// k6Requests are the requests of a file, in the order in which they ended.
func k6Requests(path string) iter.Seq2[*k6Request, error] {
	return func(yield func(*k6Request, error) bool) {
		var now *k6Request
		give := func() bool {
			q := now
			now = nil
			return q == nil || yield(q, nil)
		}
		for l, err := range lines(path) {
			var p k6Line
			if err == nil {
				err = l.into(&p)
			}
			if err == nil && p.Type == "Point" && p.Data.Time.IsZero() {
				err = l.fails(errors.New("data.time is missing"))
			}
			if err != nil {
				yield(nil, err)
				return
			}
			switch {
			case p.Type != "Point":
			case p.Metric == "http_reqs":
				if !give() {
					return
				}
				l.raw = nil
				now = &k6Request{line: l, ended: p.Data.Time, tags: p.Data.Tags, ms: map[string]float64{}}
			case len(p.Metric) > 9 && p.Metric[:9] == "http_req_":
				if now == nil || !p.Data.Time.Equal(now.ended) {
					yield(nil, l.fails(fmt.Errorf("this point of %s belongs to no request: the file was filtered, or is of several runs", p.Metric)))
					return
				}
				now.ms[p.Metric] = p.Data.Value
			case !give(): // something else: the request is complete
				return
			}
		}
		give()
	}
}

// A k6Pass is what is learnt of a file before its requests can be numbered.
type k6Pass struct {
	starts []int64
	end    int64
	where  string
	t      *tally
}

func (p *k6Pass) read(path string) error {
	for q, err := range k6Requests(path) {
		if err != nil {
			return err
		}
		took, err := q.took("http_req_duration")
		if err != nil {
			return q.line.fails(err)
		}
		start := q.ended.Add(-took)
		r, err := q.record(start)
		if err != nil {
			return q.line.fails(err)
		}
		p.t.take(&r)
		if q.apart() {
			continue
		}
		p.starts, p.end = append(p.starts, start.UnixNano()), max(p.end, q.ended.UnixNano())
		if p.where == "" {
			p.where = serverOf(q.tags["url"])
		}
	}
	return nil
}

// serverOf is the server of an address.
func serverOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return redact.URL(u.Scheme + "://" + u.Host)
}

func readK6(path, with string) ([]*Result, error) {
	var stated map[string]map[string]float64
	var err error
	if with != "" {
		if stated, err = readK6Summary(with); err != nil {
			return nil, err
		}
	}
	pass := k6Pass{t: new(tally)}
	if err := pass.read(path); err != nil {
		return nil, err
	}
	if len(pass.starts) == 0 {
		return nil, fmt.Errorf("%s: k6 wrote no HTTP request into it", path)
	}
	base := time.Unix(0, slices.Min(pass.starts))
	out := &Result{Name: "k6", Requests: len(pass.starts), Length: time.Duration(pass.end - base.UnixNano()), Start: base.UTC(), URL: pass.where}
	if out.Length < 0 || out.Length > longest {
		return nil, fmt.Errorf("%s: its requests lie more than %v apart: it is of several runs", path, longest)
	}
	out.To = out.Length + 1
	if n, rate := stated["http_reqs"]["count"], stated["http_reqs"]["rate"]; n > 0 && rate > 0 && n/rate < longest.Seconds() {
		out.To = max(out.To, seconds(n/rate))
	}
	out.Length = max(out.Length, out.To)
	out.records = k6Records(path, base, pass.starts)
	out.Unknown = []string{"k6 does not write when a request was due: latency counts from when it was sent, without making the connection, and how late its client was is not known",
		"k6 reads an answer as a whole: when its tokens came, and how many there were, is not known"}
	out.Figures = k6Figures(stated, pass.t)
	return []*Result{out}, nil
}

func k6Records(path string, base time.Time, all []int64) iter.Seq2[harness.Record, error] {
	return func(yield func(harness.Record, error) bool) {
		numbers := newStarts(slices.Clone(all))
		for q, err := range k6Requests(path) {
			if err == nil && q.apart() {
				continue
			}
			var r harness.Record
			if err == nil {
				if r, err = q.record(base); err != nil {
					err = q.line.fails(err)
				}
			}
			if err == nil {
				r.Seq = numbers.number(base.UnixNano() + int64(r.Sent))
				r.Session = r.Seq
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// readK6Summary reads the file of --summary-export, or that of a script's handleSummary, which has its
// numbers one level deeper.
func readK6Summary(path string) (map[string]map[string]float64, error) {
	r, done, err := text(path)
	if err != nil {
		return nil, err
	}
	defer done()
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var file struct {
		Metrics map[string]map[string]json.RawMessage `json:"metrics"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", path, lineOf(raw, err), explainField(err))
	}
	all := map[string]map[string]float64{}
	for name, of := range file.Metrics {
		all[name] = map[string]float64{}
		if values := of["values"]; values != nil {
			_ = json.Unmarshal(values, &of)
		}
		for statistic, value := range of {
			var number float64
			if json.Unmarshal(value, &number) == nil {
				all[name][statistic] = number
			}
		}
	}
	return all, nil
}

// k6Figures are what k6 states, and what its requests give when they are computed as it does: of all requests, failed
// ones included, with percentiles by linear interpolation.
func k6Figures(stated map[string]map[string]float64, t *tally) []Figure {
	var out []Figure
	add := func(metric, statistic string, value float64) {
		if was, is := stated[metric][statistic]; is {
			out = append(out, Figure{metric + " " + statistic, was, value})
		}
	}
	sorted := slices.Sorted(slices.Values(t.every))
	add("http_reqs", "count", float64(len(sorted)))
	add("http_req_failed", "value", float64(t.failed)/float64(max(1, len(sorted))))
	add("http_req_duration", "avg", mean(sorted)*1000)
	for statistic, q := range map[string]float64{"min": 0, "med": .5, "p(90)": .9, "p(95)": .95, "p(99)": .99, "max": 1} {
		add("http_req_duration", statistic, linear(sorted, q)*1000)
	}
	return sortedFigures(out)
}
