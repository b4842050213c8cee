package api

import (
	"net/http"
	"strconv"
)

// development are the endpoints that vLLM has with VLLM_SERVER_DEV_MODE only.
type development struct{ server *Handler }

func (d development) resetPrefixCache(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]bool{"success": d.server.engine.Forget()})
}

func (d development) sleep(w http.ResponseWriter, r *http.Request) {
	level := 1
	if given := r.URL.Query().Get("level"); given != "" {
		var err error
		if level, err = strconv.Atoi(given); err != nil || level < 1 || level > 2 {
			d.server.fail(w, bad("level", "level must be 1 or 2, got %q.", given))
			return
		}
	}
	d.server.engine.Sleep(level)
}

// wakeUp brings weights and cache back, or one of them; the engine is awake when it
// has both.
func (d development) wakeUp(w http.ResponseWriter, r *http.Request) {
	tags := r.URL.Query()["tags"]
	for _, tag := range tags {
		if tag != "weights" && tag != "kv_cache" {
			d.server.fail(w, bad("tags", "tags are weights and kv_cache, got %q.", tag))
			return
		}
	}
	d.server.engine.WakeUp(tags)
}

func (d development) isSleeping(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]bool{"is_sleeping": d.server.engine.Sleeping()})
}

// serverInfo tells the configuration; keys stay where they are.
func (d development) serverInfo(w http.ResponseWriter, _ *http.Request) {
	p := d.server.config.Hardware
	reply(w, map[string]any{"vllm_config": map[string]any{"model": p.Model, "served_model_name": d.server.config.Names, "max_model_len": d.server.config.MaxModelLen,
		"max_num_seqs": p.MaxSeqs, "max_num_batched_tokens": p.MaxBatchedTokens, "block_size": d.server.config.BlockSize, "num_gpu_blocks": p.Blocks,
		"enable_prefix_caching": !d.server.config.NoPrefixCache, "seed": d.server.config.Seed}, "vllm_env": map[string]any{}, "system_env": map[string]any{"gpu": p.GPU}})
}
