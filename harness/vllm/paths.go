package vllm

// Paths of a server that are not part of OpenAI's interface.
const (
	Health           = "/health"
	Version          = "/version"
	Metrics          = "/metrics"
	Tokenize         = "/tokenize"
	ServerInfo       = "/server_info?config_format=json" // in development mode only
	ResetPrefixCache = "/reset_prefix_cache"             // in development mode only
)
