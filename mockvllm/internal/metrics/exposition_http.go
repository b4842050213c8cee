package metrics

import (
	"cmp"
	"maps"
	"slices"
)

// exposeHTTP is what prometheus-fastapi-instrumentator tells of requests.
func (m *Metrics) exposeHTTP(p page) {
	if p.rust {
		return
	}
	routes := slices.SortedFunc(maps.Keys(m.http), func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Handler, b.Handler), cmp.Compare(a.Method, b.Method))
	})
	m.exposeRequests(p, routes)
	m.exposeSizes(p, "http_request_size_bytes", "Content length of requests.", routes, func(t *traffic) float64 { return t.asked })
	m.exposeSizes(p, "http_response_size_bytes", "Content length of responses; 0 for streams.", routes, func(t *traffic) float64 { return t.given })

	const fine, byRoute = "http_request_duration_highr_seconds", "http_request_duration_seconds"
	p.head(fine, "Time to the end of the response, of all handlers.", "histogram")
	p.buckets(fine, &m.responses)
	p.creation(fine, "Time to the end of the response, of all handlers.", nil)
	p.head(byRoute, "Time to the end of the response.", "histogram")
	var series [][]string
	for _, r := range routes {
		labels := []string{"handler", r.Handler, "method", r.Method}
		p.buckets(byRoute, &m.http[r].seconds, labels...)
		series = append(series, labels)
	}
	p.creation(byRoute, "Time to the end of the response.", series...)
}

func (m *Metrics) exposeRequests(p page, routes []Route) {
	const name, help = "http_requests", "Requests by handler, method and class of status."
	p.head(name+"_total", help, "counter")
	var series [][]string
	for _, r := range routes {
		for _, status := range slices.Sorted(maps.Keys(m.http[r].status)) {
			labels := []string{"handler", r.Handler, "method", r.Method, "status", status}
			p.bare(name+"_total", m.http[r].status[status], labels...)
			series = append(series, labels)
		}
	}
	p.creation(name, help, series...)
}

// exposeSizes writes a summary by handler, whatever the method.
func (m *Metrics) exposeSizes(p page, name, help string, routes []Route, of func(*traffic) float64) {
	count, sum := map[string]float64{}, map[string]float64{}
	for _, r := range routes {
		count[r.Handler] += m.http[r].seconds.count
		sum[r.Handler] += of(m.http[r])
	}
	p.head(name, help, "summary")
	var series [][]string
	for _, handler := range slices.Sorted(maps.Keys(count)) {
		p.bare(name+"_count", count[handler], "handler", handler)
		p.bare(name+"_sum", sum[handler], "handler", handler)
		series = append(series, []string{"handler", handler})
	}
	p.creation(name, help, series...)
}
