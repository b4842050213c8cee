package slo

import (
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// hitRate is that of the prefix cache, where the server's figures are its own.
func hitRate(w *Window) estimate {
	if whose := w.notItsOwn(); whose != "" {
		return without(whose)
	}
	return w.watched.shareOf(metric.Ratio{Part: vllm.PrefixCacheHits, Whole: vllm.PrefixCacheQueries, Nothing: "the server looked nothing up in its prefix cache"})
}

// notItsOwn is why the server's figures are not those of this load and of all of the server;
// "" where nothing speaks against it.
func (w *Window) notItsOwn() string {
	if w.ledger == nil {
		return ""
	}
	return w.ledger.NotItsOwn()
}
