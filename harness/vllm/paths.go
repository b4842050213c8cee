package vllm

import "time"

// Paths of a server that are not part of OpenAI's interface.
const (
	Health           = "/health"
	Version          = "/version"
	Metrics          = "/metrics"
	Tokenize         = "/tokenize"
	ServerInfo       = "/server_info?config_format=json" // in development mode only
	ResetPrefixCache = "/reset_prefix_cache"             // in development mode only
)

// ClipMost is how long a clip may be that a Whisper model takes at once; vLLM cuts longer ones into several requests
// (SpeechToTextConfig.max_audio_clip_s).
const ClipMost = 30 * time.Second
