package metric

// The names of metrics that the program itself asks for. A misspelt one does not compile, and
// of a metric that is only read and shown there is none.
const (
	NameTTFT              = "TTFT"
	NameITL               = "ITL"
	NameTPOT              = "TPOT"
	NameE2E               = "E2E latency"
	NameLongestGap        = "longest gap"
	NameReadDelay         = "read delay"
	NameRequests          = "requests"
	NameRequestThroughput = "request throughput"
	NameOutputThroughput  = "output throughput"
	NameInputThroughput   = "input throughput"
	NameAudioThroughput   = "audio throughput"
	NameRealTimeFactor    = "real-time factor"
	NameErrorRate         = "error rate"
	NameAttainment        = "attainment"
	NameGoodput           = "goodput"
	NameCoalesced         = "coalesced chunks"
	NameConcurrency       = "concurrency"
)
