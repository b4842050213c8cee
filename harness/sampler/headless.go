package sampler

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// A Resolver finds the addresses of a host; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// headless is what stands before the scheme of a page whose host has an address for each engine, as a headless
// Service of Kubernetes has: "dns+http://vllm-headless:8000/metrics".
const headless = "dns+"

// WithoutDNS is the address of a page as it is asked, and whether each address of its host is asked.
func WithoutDNS(page string) (address string, each bool) { return strings.CutPrefix(page, headless) }

// A Page is the page of metrics of one engine.
type Page struct {
	URL  string
	Host string // that its certificate is for; "": that of the URL
}

// Resolve are the pages behind these addresses: those with "dns+" are one page for each address of their host, in
// ascending order, and the others are what they are. A name is not resolved where it does not say "dns+": the several
// addresses of one machine would be counted as several engines.
func Resolve(ctx context.Context, by Resolver, pages ...string) (all []Page, err error) {
	if by == nil {
		by = net.DefaultResolver
	}
	for _, page := range pages {
		address, each := WithoutDNS(page)
		if !each {
			all = append(all, Page{URL: address})
			continue
		}
		of, err := engines(ctx, by, address)
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
	}
	return all, nil
}

// engines are the pages at all addresses of a host: those of IPv4 where there are any, as an engine that has
// addresses of both kinds is one engine.
func engines(ctx context.Context, by Resolver, address string) (pages []Page, err error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("a page of metrics has no URL that can be read")
	}
	found, err := by.LookupNetIP(ctx, "ip4", at.Hostname())
	if err != nil || len(found) == 0 {
		found, err = by.LookupNetIP(ctx, "ip6", at.Hostname())
	}
	if err != nil {
		return nil, fmt.Errorf("the addresses of %s could not be looked up: %w", at.Hostname(), err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no address: is any engine ready?", at.Hostname())
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	slices.SortFunc(found, netip.Addr.Compare)
	for _, ip := range slices.Compact(found) {
		one := *at
		one.Host = ip.String()
		if ip.Is6() {
			one.Host = "[" + one.Host + "]"
		}
		if port := at.Port(); port != "" {
			one.Host = net.JoinHostPort(ip.String(), port)
		}
		pages = append(pages, Page{URL: one.String(), Host: at.Hostname()})
	}
	return pages, nil
}
