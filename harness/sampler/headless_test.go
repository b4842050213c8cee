package sampler_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/sampler"
)

// names are the addresses of hosts, by network.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, network, host string) (found []netip.Addr, err error) {
	if host == "broken" {
		return nil, errors.New("no such host")
	}
	for _, ip := range n[network+" "+host] {
		found = append(found, netip.MustParseAddr(ip))
	}
	return found, nil
}

func TestResolve_headlessServiceIsAPageForEachAddress(t *testing.T) {
	dns := names{
		"ip4 vllm": {"10.0.0.9", "10.0.0.7", "::ffff:10.0.0.7"}, "ip6 vllm": {"fd00::7"}, // of both kinds: the same engines
		"ip6 six": {"fd00::8", "fd00::7"},
	}
	for name, c := range map[string]struct {
		pages []string
		want  []sampler.Page
		says  string
	}{
		"no dns+":      {pages: []string{"http://vllm:8000/metrics"}, want: []sampler.Page{{URL: "http://vllm:8000/metrics"}}},
		"two of IPv4":  {pages: []string{"dns+http://vllm:8000/metrics?a=b"}, want: []sampler.Page{{"http://10.0.0.7:8000/metrics?a=b", "vllm"}, {"http://10.0.0.9:8000/metrics?a=b", "vllm"}}},
		"two of IPv6":  {pages: []string{"dns+https://six/metrics"}, want: []sampler.Page{{"https://[fd00::7]/metrics", "six"}, {"https://[fd00::8]/metrics", "six"}}},
		"with a port":  {pages: []string{"dns+https://six:8443/m"}, want: []sampler.Page{{"https://[fd00::7]:8443/m", "six"}, {"https://[fd00::8]:8443/m", "six"}}},
		"beside a URL": {pages: []string{"http://a/metrics", "dns+http://vllm:1/m"}, want: []sampler.Page{{URL: "http://a/metrics"}, {"http://10.0.0.7:1/m", "vllm"}, {"http://10.0.0.9:1/m", "vllm"}}},
		"none":         {pages: []string{"dns+http://none:8000/metrics"}, says: "none has no address: is any engine ready?"},
		"an error":     {pages: []string{"dns+http://u:s3cret@broken:8000/metrics"}, says: "the addresses of broken could not be looked up: no such host"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sampler.Resolve(t.Context(), dns, c.pages...)
			if c.says != "" {
				require.EqualError(t, err, c.says)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}
