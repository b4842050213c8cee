package experiment

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/servers"
)

// serverMetrics are those that the server exposes, or all its replicas; or the pages
// that the place names. Beside the catalogue's series, those are read that the plan's rows and
// these ask for.
func (on *endpoint) serverMetrics(rows []harness.Objective) (from *sampler.Discreet, done func()) {
	var each sampler.Replicas
	var clients []*openai.Client
	models, wanted := on.models(), metric.RawSeries(slices.Concat(on.of.scenario.Objectives, on.of.plan.Comparisons, on.of.plan.EarlyStop, rows))
	software := servers.Of(cmp.Or(on.about.Software, servers.VLLM))
	add := func(page string, client *openai.Client, access string) {
		each = append(each, &sampler.Prometheus{URL: page, HTTP: client.HTTP(), Source: "server", Models: models, Wanted: wanted, Access: access, Elsewhere: software.Metrics.Elsewhere})
	}
	place := on.of.session.Place
	if on.Remote && place.MetricsURLs != nil && !on.second {
		for _, page := range place.MetricsURLs {
			client, access := on.of.session.pageClient(on.client.Replicas[0], page)
			if client != on.client.Replicas[0] {
				clients = append(clients, client)
			}
			add(page, client, access)
		}
	} else if software.Metrics.None {
		return sampler.NewDiscreet(sampler.None{Source: "server", Why: software.Name + " has no page of metrics"}, on.of.session.secrets()), func() {}
	} else {
		for _, c := range on.client.Replicas {
			add(c.Address(software.Metrics.Path), c, on.of.session.Remedies.Key)
		}
	}
	done = func() {
		for _, c := range clients {
			c.Close()
		}
	}
	if len(each) == 1 {
		return sampler.NewDiscreet(each[0], on.of.session.secrets()), done
	}
	return sampler.NewDiscreet(each, on.of.session.secrets()), done
}

// recognise finds out by a server's metrics what it is, where it did not say.
func (on *endpoint) recognise(ctx context.Context) {
	if on.about.Software != servers.Unknown {
		return
	}
	metrics, done := on.serverMetrics(nil)
	defer done()
	ctx, cancel := context.WithTimeout(ctx, readingMost)
	defer cancel()
	if _, err := metrics.Read(ctx); err == nil {
		on.about.Software = metrics.Kind()
	}
}

// pageClient is the client for a page of metrics that lies elsewhere, and what to do
// where it is not let in. The key to the server is for the server's own host only.
func (s *Session) pageClient(first *openai.Client, page string) (*openai.Client, string) {
	place := s.Place
	at, err := url.Parse(page)
	base, errBase := url.Parse(first.URL)
	same := err == nil && errBase == nil && at.Scheme == base.Scheme && at.Host == base.Host
	switch {
	case err == nil && place.MetricsKey != "":
		ours := &openai.Client{Endpoint: client.Endpoint{URL: at.Scheme + "://" + at.Host, TLS: place.TLS, Token: credentials.Fixed(place.MetricsKey), Secrets: s.secrets(), Settings: place.Settings}}
		if same {
			ours.Headers = place.Headers
		}
		return ours, s.Remedies.MetricsKey
	case same:
		return first, s.Remedies.Key
	}
	return first, s.Remedies.OtherHost
}
