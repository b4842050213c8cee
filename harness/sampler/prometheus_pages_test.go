package sampler_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// A pageForPrometheus is a page that Prometheus and the sampler both read.
type pageForPrometheus struct {
	name, contentType, body string
	timeOfScrape            bool // Prometheus leaves aside the times that the page has

	// What the sampler makes of a page that it reads differently on purpose.
	differs string // why
	ours    []string
	refusal string
}

const plainText = "text/plain; version=0.0.4; charset=utf-8"

// pagesForPrometheus are the pages, with times of now where they have some: Prometheus
// shows nothing that is old.
func pagesForPrometheus(t *testing.T, now time.Time) []pageForPrometheus {
	t.Helper()
	pages := append(pagesOfServers(t), textPages()...)
	pages = append(append(pages, labelPages()...), valuePages()...)
	pages = append(append(pages, timedPages()...), openMetricsPages()...)
	at := func(ago time.Duration) string { return strconv.FormatInt(now.Add(-ago).UnixMilli(), 10) }
	seconds := strconv.FormatInt(now.Unix(), 10) + ".25"
	times := strings.NewReplacer("NOW-ms", at(0), "EARLIER-ms", at(10*time.Second), "YESTERDAY-ms", at(24*time.Hour), "TOMORROW-ms", at(-24*time.Hour), "NOW-s", seconds)
	for i := range pages {
		pages[i].body = times.Replace(pages[i].body)
	}
	return pages
}

// pagesOfServers are the recorded page of a real vLLM, and the mock's after some load
// as each of the two front ends writes it.
func pagesOfServers(t *testing.T) []pageForPrometheus {
	t.Helper()
	raw, err := os.ReadFile("../../fixtures/recordings/0.32.0/metrics-after.txt")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(raw), "\n\n")
	pages := []pageForPrometheus{{name: "vLLM 0.32.0", contentType: "text/plain; version=1.0.0; charset=utf-8", body: body}}
	for _, dialect := range []mockvllm.Dialect{mockvllm.Python, mockvllm.Rust} {
		mock, err := mockvllm.New(mockvllm.Config{Profile: mockvllm.Profiles()[0], Dialect: dialect})
		require.NoError(t, err)
		mock.Start()
		server := httptest.NewServer(mock)
		for range 3 {
			answer, err := http.Post(server.URL+"/v1/completions", "application/json", strings.NewReader(`{"prompt":"a prompt","max_tokens":4}`))
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, http.StatusOK, answer.StatusCode)
		}
		answer, err := http.Get(server.URL + "/metrics")
		require.NoError(t, err)
		page, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		server.Close()
		mock.Close()
		require.Contains(t, string(page), "vllm:generation_tokens_total")
		pages = append(pages, pageForPrometheus{name: "the mock " + string(dialect), contentType: answer.Header.Get("Content-Type"), body: string(page)})
	}
	return pages
}

// textPages are pages of the text format as a whole: types, lines and what is around.
func textPages() []pageForPrometheus {
	return []pageForPrometheus{
		{name: "an empty page", contentType: plainText,
			differs: "a page without a metric of vLLM's is the wrong page, and says so", refusal: "the page has no metric of vLLM's"},
		{name: "comments only", contentType: plainText, body: "# HELP a b\n# TYPE a gauge\n#\n# a comment\n#no space\n\n",
			differs: "a page without a metric of vLLM's is the wrong page, and says so", refusal: "the page has no metric of vLLM's"},
		{name: "no final newline", contentType: plainText, body: "vllm:x 1\nvllm:y 2",
			differs: "the format wants a newline at the end, and a page that ends elsewhere may be cut short: 12 of 120", refusal: "cut short after 17 bytes"},
		{name: "no content type", body: "vllm:x 1\n"},
		{name: "a content type of another kind", contentType: "application/octet-stream", body: "vllm:x 1\n"},
		{name: "a content type that is none", contentType: "text/plain; version", body: "vllm:x 1\n"},
		{name: "a web page's content type", contentType: "text/html; charset=utf-8", body: "vllm:x 1\n",
			differs: "a web page that stands where metrics were looked for is named as one", refusal: "a web page came, not metrics"},
		{name: "escaping in the content type", contentType: "text/plain; version=1.0.0; charset=utf-8; escaping=underscores", body: "vllm:x 1\n"},
		{name: "no types", contentType: plainText, body: "vllm:x{a=\"b\"} 1\nvllm:y_total 2\nvllm:z_bucket{le=\"1.0\"} 3\n"},
		{name: "HELP and TYPE after the samples", contentType: plainText, body: "vllm:x 1\n# HELP vllm:x what it is\n# TYPE vllm:x gauge\nvllm:y 2\n"},
		{name: "types that are none", contentType: plainText, body: "# TYPE vllm:x speed\nvllm:x 1\n",
			differs: "a series is its samples: types are of no account", ours: []string{`vllm:x{} 1`}},
		{name: "families twice", contentType: plainText, body: "# TYPE vllm:x gauge\nvllm:x{a=\"1\"} 1\n# TYPE vllm:y gauge\nvllm:y 2\n# TYPE vllm:x counter\nvllm:x{a=\"2\"} 3\n"},
		{name: "HELP with backslashes and braces", contentType: plainText, body: "# HELP vllm:x a \\n b \\\\ { } \" # c\n# TYPE vllm:x gauge\nvllm:x 1\n"},
		{name: "spaces and tabs", contentType: plainText, body: "vllm:x  1\nvllm:y\t2 \nvllm:z {a=\"1\"}\t 3\nvllm:v{ a = \"1\" , b\t=\t\"2\" }4\n"},
		{name: "spaces before names", contentType: plainText, body: "  vllm:x 1\n\tvllm:y 2\n",
			differs: "spaces, empty lines and line ends say nothing about a sample", ours: []string{`vllm:x{} 1`, `vllm:y{} 2`}},
		{name: "empty lines", contentType: plainText, body: "\n\nvllm:x 1\n\n\nvllm:y 2\n\n"},
		{name: "line ends of Windows", contentType: plainText, body: "# TYPE vllm:x gauge\r\nvllm:x 1\r\nvllm:y{a=\"1\"} 2\r\n",
			differs: "spaces, empty lines and line ends say nothing about a sample", ours: []string{`vllm:x{} 1`, `vllm:y{a="1"} 2`}},
		{name: "a histogram without +Inf", contentType: plainText, body: "# TYPE vllm:h histogram\nvllm:h_bucket{le=\"0.5\"} 1\nvllm:h_bucket{le=\"1e1\"} 2\nvllm:h_sum 3\nvllm:h_count 4\n"},
		{name: "a histogram with +Inf", contentType: plainText, body: "# TYPE vllm:h histogram\nvllm:h_bucket{le=\"0.50\"} 1\nvllm:h_bucket{le=\"+Inf\"} 2\nvllm:h_sum 3\nvllm:h_count 2\n"},
		{name: "a summary", contentType: plainText, body: "# TYPE vllm:s summary\nvllm:s{quantile=\"0.5\"} 1\nvllm:s{quantile=\"0.99\"} NaN\nvllm:s_sum 3\nvllm:s_count 4\n"},
		{name: "an exemplar in the text format", contentType: plainText, body: "vllm:x_total 1 # {trace_id=\"a\"} 1.0\n",
			differs: "what follows a value has no say", ours: []string{`vllm:x_total{} 1`}},
		{name: "a broken line of a series that is not read", contentType: plainText, body: "vllm:x 1\nunread{ 2\n",
			differs: "lines of series that are not read are not parsed: reading must cost little", ours: []string{`vllm:x{} 1`}},
		{name: "a broken line of a series that is read", contentType: plainText, body: "vllm:x 1\nvllm:y{a=\"1\" 2\n"},
		{name: "a name without a value", contentType: plainText, body: "vllm:x 1\nvllm:y\n"},
		{name: "an end mark in the text format", contentType: plainText, body: "vllm:x 1\n# EOF\n"},
		{name: "end marks in the text format", contentType: plainText, body: "vllm:x 1\n# EOF\nvllm:y 2\n# EOF\n"},
		{name: "a byte order mark", contentType: plainText, body: "\ufeffvllm:x 1\nvllm:y 2\n",
			differs: "a mark before the first name says nothing about it", ours: []string{`vllm:x{} 1`, `vllm:y{} 2`}},
		{name: "a name in quotes", contentType: plainText, body: "{\"vllm:x.y\", a=\"b\"} 1\n",
			differs: "names in quotes came with Prometheus 3; this one is older", ours: []string{`vllm:x.y{a="b"} 1`}},
		{name: "a label's name in quotes", contentType: plainText, body: "vllm:x{\"a.b\"=\"c\"} 1\n",
			differs: "names in quotes came with Prometheus 3; this one is older", ours: []string{`vllm:x{a.b="c"} 1`}},
		{name: "a name with a dot", contentType: plainText, body: "vllm:x.y 1\n",
			differs: "a name that is asked for is read as it stands, since Prometheus 3 has names of all characters", ours: []string{`vllm:x.y{} 1`}},
		{name: "a name with a dash", contentType: plainText, body: "vllm:x-y 1\n",
			differs: "a name that is asked for is read as it stands, since Prometheus 3 has names of all characters", ours: []string{`vllm:x-y{} 1`}},
	}
}

// labelPages are about labels, in the text format.
func labelPages() []pageForPrometheus {
	return []pageForPrometheus{
		{name: "escaped values", contentType: plainText, body: `vllm:x{a="one\ntwo",b="a \"quote\"",c="C:\\dir\\new"} 1` + "\n"},
		{name: "other backslashes", contentType: plainText, body: `vllm:x{a="a\tb\dc\u00e9"} 1` + "\n"},
		{name: "backslashes in a row", contentType: plainText, body: `vllm:x{a="\\\\n",b="\\\"",c="\\n"} 1` + "\n"},
		{name: "values beyond ASCII", contentType: plainText, body: "vllm:x{a=\"模型 é 🦙\"} 1\n"},
		{name: "values that are not UTF-8", contentType: plainText, body: "vllm:x{a=\"\xff\xfe\"} 1\n"},
		{name: "signs of the format in values", contentType: plainText, body: `vllm:x{a="a } # { b, = c",b="#"} 1` + "\n"},
		{name: "a line that is broken in a value", contentType: plainText, body: "vllm:x{a=\"one\ntwo\"} 1\n",
			differs: "the format wants \\n there; a page that is read by lines has no others", refusal: "line 1: the labels of vllm:x: a quote is not closed"},
		{name: "empty values", contentType: plainText, body: "vllm:x{a=\"\",b=\"1\"} 1\nvllm:y{a=\"\"} 2\n"},
		{name: "an empty value is no label", contentType: plainText, body: "vllm:x{a=\"\"} 1\nvllm:x 2\n"},
		{name: "no labels in braces", contentType: plainText, body: "vllm:x{} 1\nvllm:y{ } 2\n"},
		{name: "a comma at the end", contentType: plainText, body: "vllm:x{a=\"1\",} 1\nvllm:y{a=\"1\",b=\"2\" , } 2\n"},
		{name: "a comma only", contentType: plainText, body: "vllm:x{,} 1\n"},
		{name: "two commas", contentType: plainText, body: "vllm:x{a=\"1\",,b=\"2\"} 1\n"},
		{name: "no comma", contentType: plainText, body: "vllm:x{a=\"1\" b=\"2\"} 1\n"},
		{name: "a label twice", contentType: plainText, body: "vllm:x{a=\"1\",a=\"2\"} 1\n"},
		{name: "a label's name that is none", contentType: plainText, body: "vllm:x{1a=\"1\"} 1\n"},
		{name: "a value in single quotes", contentType: plainText, body: "vllm:x{a='1'} 1\n"},
		{name: "labels of Prometheus' own", contentType: plainText, body: "vllm:x{job=\"a\",instance=\"b\"} 1\n",
			differs: "Prometheus calls labels exported_… that it sets itself", ours: []string{`vllm:x{instance="b",job="a"} 1`}},
		{name: "a series twice", contentType: plainText, body: "vllm:x{a=\"1\"} 1\nvllm:x{a=\"1\"} 2\nvllm:x{a=\"2\"} 3\n"},
		{name: "a series twice with one value", contentType: plainText, body: "vllm:x{a=\"1\"} 1\nvllm:x{a=\"1\"} 1\n"},
		{name: "a series twice with spaces", contentType: plainText, body: "vllm:x{a=\"1\"} 1\nvllm:x{ a=\"1\", } 2\n"},
		{name: "a series twice with labels in another order", contentType: plainText, body: "vllm:x{a=\"1\",b=\"2\"} 1\nvllm:x{b=\"2\",a=\"1\"} 2\n"},
	}
}

// valuePages are about values, in the text format.
func valuePages() []pageForPrometheus {
	pages := []pageForPrometheus{
		{name: "values of all kinds", contentType: plainText, body: "vllm:a NaN\nvllm:b +Inf\nvllm:c -Inf\nvllm:d 1e+06\nvllm:e 2.5E-3\nvllm:f -4\nvllm:g_total -4\nvllm:h +3\nvllm:i .5\nvllm:j 5.\nvllm:k 007\nvllm:l -0\nvllm:m Inf\nvllm:n nan\nvllm:o inf\nvllm:p infinity\n"},
		{name: "whole numbers beyond 2^53", contentType: plainText, body: "vllm:a_total 9007199254740993\nvllm:b_total 18446744073709551615\nvllm:c_total 1.7976931348623157e308\nvllm:d 5e-324\n"},
	}
	for _, value := range []string{"0x1p3", "0x10", "1_000", "0x_1p3", "1e400", "1,5", "true", "1#", "\"1\"", "1e", "--1", "{1}"} {
		pages = append(pages, pageForPrometheus{name: "the value " + value, contentType: plainText, body: "vllm:x " + value + "\n"})
	}
	return pages
}

// timedPages have times, in the text format.
func timedPages() []pageForPrometheus {
	return []pageForPrometheus{
		{name: "times", contentType: plainText, body: "vllm:x 1 NOW-ms\nvllm:y{a=\"1\"} 2\tNOW-ms\n"},
		{name: "times that are left aside", contentType: plainText, timeOfScrape: true, body: "vllm:x 1 YESTERDAY-ms\nvllm:y 2 TOMORROW-ms\nvllm:z 3 0\n"},
		{name: "times of yesterday", contentType: plainText, body: "vllm:x 1 YESTERDAY-ms\nvllm:y 2\n",
			differs: "a reading has the time of its scrape, though the exporter's clock is wrong; Prometheus hides what is old, and drops what is to come", ours: []string{`vllm:x{} 1`, `vllm:y{} 2`}},
		{name: "times of tomorrow", contentType: plainText, body: "vllm:x 1 TOMORROW-ms\nvllm:y 2\n",
			differs: "a reading has the time of its scrape, though the exporter's clock is wrong; Prometheus hides what is old, and drops what is to come", ours: []string{`vllm:x{} 1`, `vllm:y{} 2`}},
		{name: "times with a point", contentType: plainText, body: "vllm:x 1 NOW-s\n",
			differs: "a reading has the time of its scrape: what the page says is of no account", ours: []string{`vllm:x{} 1`}},
		{name: "times before 1970", contentType: plainText, timeOfScrape: true, body: "vllm:x 1 -1\n",
			differs: "a reading has the time of its scrape: what the page says is of no account", ours: []string{`vllm:x{} 1`}},
		{name: "times that are none", contentType: plainText, body: "vllm:x 1 yesterday\n"},
		{name: "two times", contentType: plainText, body: "vllm:x 1 NOW-ms NOW-ms\n"},
		{name: "a series twice with two times", contentType: plainText, body: "vllm:x 1 EARLIER-ms\nvllm:x 2 NOW-ms\n",
			differs: "a reading has the time of its scrape, and of one scrape the first sample counts; Prometheus stores both and shows the later", ours: []string{`vllm:x{} 1`}},
		{name: "a series twice with two times that are left aside", contentType: plainText, timeOfScrape: true, body: "vllm:x 1 EARLIER-ms\nvllm:x 2 NOW-ms\n"},
	}
}

// openMetricsPages are of OpenMetrics.
func openMetricsPages() []pageForPrometheus {
	return []pageForPrometheus{
		{name: "OpenMetrics with all it has", contentType: openMetrics, timeOfScrape: true, body: strings.NewReplacer("1795932609.746", "NOW-s", "{\"vllm:in_quotes\", engine=\"0\"} 6\n", "", "vllm:state{vllm:state=", "vllm:state{state=").Replace(withAll)},
		{name: "OpenMetrics, only its end", contentType: openMetrics, body: "# EOF\n",
			differs: "a page without a metric of vLLM's is the wrong page, and says so", refusal: "the page has no metric of vLLM's"},
		{name: "OpenMetrics without a newline at its end", contentType: openMetrics, body: "# TYPE vllm:x gauge\nvllm:x 1\n# EOF"},
		{name: "OpenMetrics without an end", contentType: openMetrics, body: "# TYPE vllm:x gauge\nvllm:x 1\n"},
		{name: "OpenMetrics that is empty", contentType: openMetrics},
		{name: "OpenMetrics with its end in the middle", contentType: openMetrics, body: "vllm:x 1\n# EOF\nvllm:y 2\n"},
		{name: "OpenMetrics with two ends", contentType: openMetrics, body: "vllm:x 1\n# EOF\nvllm:y 2\n# EOF\n"},
		{name: "OpenMetrics with an empty line at its end", contentType: openMetrics, body: "vllm:x 1\n# EOF\n\n",
			differs: "spaces, empty lines and line ends say nothing about a sample", ours: []string{`vllm:x{} 1`}},
		{name: "OpenMetrics with an empty line", contentType: openMetrics, body: "vllm:x 1\n\nvllm:y 2\n# EOF\n",
			differs: "spaces, empty lines and line ends say nothing about a sample", ours: []string{`vllm:x{} 1`, `vllm:y{} 2`}},
		{name: "OpenMetrics with a comment", contentType: openMetrics, body: "vllm:x 1\n# a comment\nvllm:y 2\n# EOF\n",
			differs: "comments say nothing about a sample", ours: []string{`vllm:x{} 1`, `vllm:y{} 2`}},
		{name: "OpenMetrics with two spaces", contentType: openMetrics, body: "vllm:x  1\n# EOF\n",
			differs: "spaces, empty lines and line ends say nothing about a sample", ours: []string{`vllm:x{} 1`}},
		{name: "OpenMetrics, version 0.0.1", contentType: "application/openmetrics-text; version=0.0.1; charset=utf-8", body: "# TYPE vllm:x gauge\nvllm:x 1\n# EOF\n"},
		{name: "OpenMetrics with escaping", contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores", body: "# TYPE vllm:x gauge\nvllm:x 1\n# EOF\n"},
		{name: "OpenMetrics in capitals", contentType: "Application/OpenMetrics-Text", body: "# TYPE vllm:x gauge\nvllm:x 1\n# EOF\n"},
		{name: "OpenMetrics that is said to be text", contentType: plainText, body: "# TYPE vllm:x counter\nvllm:x_total 1 # {trace_id=\"a\"} 1\n# EOF\n",
			differs: "what follows a value has no say", ours: []string{`vllm:x_total{} 1`}},
		{name: "a counter without _total", contentType: openMetrics, body: "# TYPE vllm:x counter\nvllm:x 1\n# EOF\n"},
		{name: "exemplars", contentType: openMetrics, body: "# TYPE vllm:x counter\nvllm:x_total{a=\"#\"} 1 # {trace_id=\"a # } b\",span=\"c\"} 0.5 NOW-s\nvllm:y_total 2 NOW-s # {} 3\n# EOF\n"},
		{name: "an exemplar that is none", contentType: openMetrics, body: "# TYPE vllm:x counter\nvllm:x_total 1 # a\n# EOF\n",
			differs: "what follows a value has no say", ours: []string{`vllm:x_total{} 1`}},
		{name: "units", contentType: openMetrics, body: "# TYPE vllm:x_seconds gauge\n# UNIT vllm:x_seconds seconds\n# HELP vllm:x_seconds a \\\"b\\\" \\\\ \\n c\nvllm:x_seconds 1\n# EOF\n"},
		{name: "times of OpenMetrics", contentType: openMetrics, body: "vllm:x 1 NOW-s\nvllm:y 2 NOW-s1234\n# EOF\n"},
		{name: "OpenMetrics with a series twice", contentType: openMetrics, body: "vllm:x{a=\"1\",b=\"2\"} 1\nvllm:x{b=\"2\",a=\"1\"} 2\n# EOF\n"},
	}
}
