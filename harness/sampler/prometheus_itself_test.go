package sampler_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/internal/loopback"
)

// TestPage_PrometheusReadsTheSame holds our reading of pages against Prometheus itself: one
// process scrapes every page of the table, and is asked what it has stored.
func TestPage_PrometheusReadsTheSame(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("there is no prometheus here; to run this test: apt-get install prometheus")
	}
	pages := pagesForPrometheus(t, time.Now())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/page/"))
		if err != nil || n >= len(pages) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header()["Content-Type"] = []string{pages[n].contentType}
		if pages[n].contentType == "" {
			w.Header()["Content-Type"] = nil // or Go would guess one
		}
		io.WriteString(w, pages[n].body)
	}))
	t.Cleanup(server.Close)
	prometheus := startPrometheus(t, program, server.Listener.Addr().String(), pages)
	theirs, version := prometheus.scraped(t, len(pages)), prometheus.version(t)
	compared, apart := 0, 0
	for n, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			their := theirs[n]
			ours := readBySampler(t, fmt.Sprintf("%s/page/%d", server.URL, n), p.body)
			compared += max(len(ours.series), len(their.series))
			if p.differs == "" {
				assert.Equal(t, their.series, ours.series, "Prometheus: %s; the sampler: %s", their.refusal, ours.refusal)
				assert.Equal(t, their.refusal == "", ours.refusal == "", "Prometheus: %s; the sampler: %s", their.refusal, ours.refusal)
				t.Logf("same: %s", ours)
				return
			}
			apart++
			assert.Equal(t, p.ours, ours.series)
			assert.Contains(t, ours.refusal, p.refusal)
			assert.Equal(t, p.refusal == "", ours.refusal == "", ours.refusal)
			assert.False(t, strings.HasPrefix(version, "2.") && slices.Equal(their.series, ours.series) && (their.refusal == "") == (ours.refusal == ""), "this page is no difference any more: take it off the list")
			t.Logf("different on purpose: %s\n\tPrometheus: %s\n\tthe sampler: %s", p.differs, their, ours)
		})
	}
	t.Logf("Prometheus %s: %d pages, %d series, %d pages different on purpose", version, len(pages), compared, apart)
}

// A verdict on a page is the series that a reader takes from it, or why it takes none.
type pageVerdict struct {
	series  []string // `name{label="value"} 1`, sorted
	refusal string
}

func (v pageVerdict) String() string {
	switch n := len(v.series); {
	case v.refusal != "":
		return "refused: " + v.refusal
	case n > 0 && n < 4:
		return fmt.Sprintf("%d series: %s", n, strings.Join(v.series, ", "))
	default:
		return fmt.Sprintf("%d series", n)
	}
}

// written is a series as it is compared. Ends of buckets are numbers: the sampler writes
// each in one way, as Prometheus does since version 3, whichever way the page has it.
func written(name string, labels map[string]string, value float64) string {
	var inside []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		v := labels[label]
		if end, err := strconv.ParseFloat(v, 64); err == nil && label == "le" {
			v = strconv.FormatFloat(end, 'g', -1, 64)
		}
		inside = append(inside, fmt.Sprintf("%s=%q", label, v))
	}
	return fmt.Sprintf("%s{%s} %s", name, strings.Join(inside, ","), strconv.FormatFloat(value, 'g', -1, 64))
}

// readBySampler reads every series of a page, save those that are called unread.
func readBySampler(t *testing.T, address, body string) pageVerdict {
	t.Helper()
	p := &sampler.Prometheus{URL: address, HTTP: http.DefaultClient, Source: "server"}
	for _, name := range regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:.-]*`).FindAllString(body, -1) {
		if name != "unread" {
			p.Wanted = append(p.Wanted, name)
		}
	}
	slices.Sort(p.Wanted)
	p.Wanted = slices.Compact(p.Wanted)
	readings, err := p.Read(t.Context())
	if err != nil {
		return pageVerdict{refusal: err.Error()}
	}
	var out pageVerdict
	for _, r := range readings {
		out.series = append(out.series, written(r.Series, r.Labels, r.Value))
	}
	slices.Sort(out.series)
	return out
}

// prometheusProcess is a Prometheus that scrapes the pages, one job for each.
type prometheusProcess struct {
	url  string
	said *bytes.Buffer
	stop func()
}

func startPrometheus(t *testing.T, program, target string, pages []pageForPrometheus) *prometheusProcess {
	t.Helper()
	config := "global: {scrape_interval: 5s, scrape_timeout: 5s}\nscrape_configs:\n"
	for n, p := range pages {
		config += fmt.Sprintf("- {job_name: page-%d, metrics_path: /page/%d, honor_timestamps: %t, static_configs: [{targets: ['%s']}]}\n", n, n, !p.timeOfScrape, target)
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "prometheus.yml")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o644))
	port, err := loopback.FreePort()
	require.NoError(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	run := exec.Command(program, "--config.file="+path, "--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address)
	p := &prometheusProcess{url: "http://" + address, said: new(bytes.Buffer)}
	run.Stdout, run.Stderr = p.said, p.said
	require.NoError(t, run.Start())
	ended := false
	p.stop = func() {
		if !ended {
			ended = true
			run.Process.Kill()
			run.Wait()
		}
	}
	t.Cleanup(p.stop)
	return p
}

// scraped waits until Prometheus has stored what it made of every page.
func (p *prometheusProcess) scraped(t *testing.T, pages int) []pageVerdict {
	t.Helper()
	var refusals map[string]string
	if !assert.Eventually(t, func() bool {
		up, err := p.query(`up`)
		if err != nil || len(up) < pages {
			return false
		}
		refusals, err = p.refusals()
		return err == nil && !slices.ContainsFunc(slices.Collect(maps.Values(refusals)), func(why string) bool {
			return strings.Contains(why, "deadline exceeded") // a slow machine says nothing about a page
		})
	}, 2*time.Minute, 200*time.Millisecond) {
		p.stop()
		require.FailNow(t, "Prometheus did not scrape every page", "%s", p.said)
	}
	all, err := p.query(`{job=~"page-.+"}`)
	require.NoError(t, err)
	out := make([]pageVerdict, pages)
	for _, s := range all {
		name, labels, job := s.Metric["__name__"], s.Metric, s.Metric["job"]
		for _, own := range []string{"__name__", "job", "instance"} {
			delete(labels, own)
		}
		if name == "up" || strings.HasPrefix(name, "scrape_") {
			continue
		}
		value, err := strconv.ParseFloat(s.Value[1].(string), 64)
		require.NoError(t, err)
		n, err := strconv.Atoi(strings.TrimPrefix(job, "page-"))
		require.NoError(t, err)
		out[n].series = append(out[n].series, written(name, labels, value))
	}
	for n := range out {
		slices.Sort(out[n].series)
		out[n].refusal = refusals[fmt.Sprintf("page-%d", n)]
	}
	return out
}

// storedSeries is a series of an answer of Prometheus, with its newest value.
type storedSeries struct {
	Metric map[string]string
	Value  [2]any
}

func (p *prometheusProcess) query(what string) ([]storedSeries, error) {
	var answer struct{ Result []storedSeries }
	err := p.ask("/api/v1/query?query="+url.QueryEscape(what), &answer)
	return answer.Result, err
}

// refusals are why pages were not taken, by job.
func (p *prometheusProcess) refusals() (map[string]string, error) {
	var answer struct {
		ActiveTargets []struct{ ScrapePool, Health, LastError string }
	}
	out := map[string]string{}
	err := p.ask("/api/v1/targets?state=active", &answer)
	for _, target := range answer.ActiveTargets {
		if target.Health != "up" {
			out[target.ScrapePool] = cmp.Or(target.LastError, target.Health)
		}
	}
	return out, err
}

// version matters for what is different on purpose: version 3 takes more than 2 does.
func (p *prometheusProcess) version(t *testing.T) string {
	t.Helper()
	var answer struct{ Version string }
	require.NoError(t, p.ask("/api/v1/status/buildinfo", &answer))
	return answer.Version
}

func (p *prometheusProcess) ask(path string, data any) error {
	response, err := http.Get(p.url + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return json.NewDecoder(response.Body).Decode(&struct{ Data any }{data})
}
