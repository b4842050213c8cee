package measure

import (
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// HitRate is that of the prefix cache, where the server's figures are its own.
func HitRate(w *Window) Estimate {
	if whose := w.NotItsOwn(); whose != "" {
		return without(whose)
	}
	return w.Sampled.shareOf(metric.Ratio{Part: vllm.PrefixCacheHits, Whole: vllm.PrefixCacheQueries, Nothing: "the server looked nothing up in its prefix cache"})
}

// NotItsOwn is why the server's figures are not those of this load and of all of the server;
// "" where nothing speaks against it.
func (w *Window) NotItsOwn() string {
	if w.ledger == nil {
		return ""
	}
	return w.ledger.NotItsOwn()
}
