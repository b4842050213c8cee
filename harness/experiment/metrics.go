package experiment

import (
	"cmp"
	"context"
	"crypto/tls"
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
func (on *endpoint) serverMetrics(ctx context.Context, rows []harness.Objective) (from *sampler.Discreet, done func()) {
	var each sampler.Replicas
	var clients []*openai.Client
	models, wanted := on.models(), metric.RawSeries(slices.Concat(on.of.scenario.Objectives, on.of.plan.Comparisons, on.of.plan.EarlyStop, rows))
	software := servers.Of(cmp.Or(on.about.Software, servers.VLLM))
	add := func(page string, client *openai.Client, access string) {
		each = append(each, &sampler.Prometheus{URL: page, HTTP: client.HTTP(), Source: "server", Models: models, Wanted: wanted, Access: access, Elsewhere: software.Metrics.Elsewhere})
	}
	place := on.of.session.Place
	if on.Remote && place.Prometheus.URL != "" && !on.second {
		from := on.promQL(ctx, models, wanted)
		return sampler.NewDiscreet(from, on.of.session.secrets()), from.Server.HTTP.CloseIdleConnections
	}
	if on.Remote && place.MetricsURLs != nil && !on.second {
		pages, err := sampler.Resolve(ctx, place.Resolver, place.MetricsURLs...)
		if err != nil {
			return sampler.NewDiscreet(sampler.None{Source: "server", Why: err.Error()}, on.of.session.secrets()), func() {}
		}
		for _, page := range pages {
			client, access := on.of.session.pageClient(on.client.Replicas[0], page)
			if client != on.client.Replicas[0] {
				clients = append(clients, client)
			}
			add(page.URL, client, access)
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
	metrics, done := on.serverMetrics(ctx, nil)
	defer done()
	ctx, cancel := context.WithTimeout(ctx, readingMost)
	defer cancel()
	if _, err := metrics.Read(ctx); err == nil {
		on.about.Software = metrics.Kind()
	}
}

// pageClient is the client for a page of metrics that lies elsewhere, and what to do
// where it is not let in. The key to the server is for the server's own host only.
func (s *Session) pageClient(first *openai.Client, page sampler.Page) (*openai.Client, string) {
	place := s.Place
	at, err := url.Parse(page.URL)
	base, errBase := url.Parse(first.URL)
	same := err == nil && errBase == nil && at.Scheme == base.Scheme && at.Host == base.Host
	named := err == nil && page.Host != "" && at.Scheme == "https" // its certificate is for another name than the URL's
	switch {
	case err == nil && (place.MetricsKey != "" || named):
		ours := &openai.Client{Endpoint: client.Endpoint{URL: at.Scheme + "://" + at.Host, TLS: place.TLS, Token: credentials.Fixed(place.MetricsKey), Secrets: s.secrets(), Settings: place.Settings}}
		if named {
			ours.TLS = cmp.Or(place.TLS, new(tls.Config)).Clone()
			ours.TLS.ServerName = page.Host
		}
		if same {
			ours.Headers = place.Headers
		}
		if place.MetricsKey == "" {
			return ours, s.Remedies.OtherHost
		}
		return ours, s.Remedies.MetricsKey
	case same:
		return first, s.Remedies.Key
	}
	return first, s.Remedies.OtherHost
}

// promQL reads the metrics of all engines from the Prometheus server that scrapes them. It waits for none of its scrapes
// in the time for storing, nor once everything is interrupted.
func (on *endpoint) promQL(ctx context.Context, models, wanted []string) *sampler.PromQL {
	place := on.of.session.Place
	from := &sampler.PromQL{Server: place.Prometheus, Selector: place.Selector, Models: models, Wanted: wanted, Interrupted: ctx.Done()}
	from.Server.HTTP = place.plainHTTP()
	if deadline, limited := on.of.session.deadline(on.of.plan); limited {
		from.Until = deadline.Add(-storing)
	}
	return from
}
