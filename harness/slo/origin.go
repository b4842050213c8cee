package slo

// An Origin is what of the samples a metric is made of, for who asks the stored
// files for it.
type Origin struct {
	Kind   string // OfReadings, OfRates, OfRises, OfShare or OfHistogram
	Source string // "server", "client", "host" or "gpu"
	Series string // of a histogram its name, without "_sum" and "_count"
	Labels map[string]string
	Over   string // what becomes of several label sets at one instant: "sum", "max" or "avg"
	Of     string // of a share: the series of which Series is a part
}

// The kinds.
const (
	OfReadings  = "readings"  // statistics of what was read inside the window
	OfRates     = "rates"     // …of the rise by the second from one reading to the next
	OfRises     = "rises"     // the rise of a counter since the window began, until the end of the run
	OfShare     = "share"     // the rise of one counter ÷ that of another
	OfHistogram = "histogram" // the rise of a histogram's sum ÷ that of its count: its mean
)

// Origin is what of the samples the metric is made of, if it is made of them alone.
func (m Metric) Origin() (o Origin, ok bool) {
	switch {
	case m.gauge != nil:
		o = Origin{Kind: OfReadings, Source: m.gauge.source, Over: [...]string{added: "sum", greatest: "max", averaged: "avg"}[m.gauge.over]}
		if m.gauge.rate {
			o.Kind = OfRates
		}
		o.Series, o.Labels = selector(m.gauge.series)
	case m.counter != "":
		o = Origin{Kind: OfRises, Source: m.counts()}
		o.Series, o.Labels = selector(m.counter)
	case m.part != "":
		o = Origin{Kind: OfShare, Source: "server", Series: m.part, Of: m.whole}
	case m.buckets != "":
		o = Origin{Kind: OfHistogram, Source: "server", Series: m.buckets}
	}
	return o, o.Kind != ""
}
