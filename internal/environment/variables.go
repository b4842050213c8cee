package environment

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// ownVars are the variables of vllmspec's own name space.
func ownVars() []string {
	return []string{"VLLMSPEC_FEATURES", "VLLMSPEC_TARGET", "VLLMSPEC_OUT", "VLLMSPEC_DB",
		"VLLMSPEC_DASHBOARD", "VLLMSPEC_METRICS", "VLLMSPEC_PROMPTS_DB", "VLLMSPEC_PROGRAM", "VLLMSPEC_SHARD", "VLLMSPEC_UNKNOWN"}
}

// knownVars are all variables that are read here but for those that every program reads,
// HTTP_PROXY or CI say. A new one belongs here, or a slip in its name is not noticed.
func knownVars() []string {
	return append(ownVars(), "VLLM_URL", "VLLM_URL_B", "VLLM_COMMAND", "VLLM_IMAGE", "VLLM_ARGS",
		"VLLM_API_KEY", "VLLM_API_KEY_FILE", "VLLM_API_KEY_COMMAND", "VLLM_HEADERS", "VLLM_MODEL",
		"VLLM_METRICS_URL", "VLLM_METRICS_API_KEY", "DCGM_METRICS_URL", "VLLM_ENGINE_HEADER", "VLLM_PROMETHEUS_URL", "VLLM_PROMETHEUS_TOKEN", "VLLM_PROMETHEUS_SELECTOR",
		"VLLM_CA_FILE", "VLLM_CERT_FILE", "VLLM_KEY_FILE", "GODOG_TAGS")
}

// serverVars are the variables that say which server is measured.
func serverVars() []string {
	return []string{"VLLM_URL", "VLLM_URL_B", "VLLM_COMMAND", "VLLM_IMAGE", "VLLMSPEC_TARGET"}
}

// foreignVars are names by which other programs know the address of a vLLM server. One of them
// is taken for a slip only where nothing names a server: else it is those programs' own.
func foreignVars() []string {
	return []string{"VLLM_BASE_URL", "VLLM_API_BASE", "VLLM_API_BASE_URL", "VLLM_API_URL", "VLLM_SERVER_URL", "VLLM_OPENAI_URL", "VLLM_OPENAI_BASE_URL",
		"VLLM_ENDPOINT", "VLLM_ENDPOINT_URL", "VLLM_SERVER", "VLLM_HOST", "VLLM_ADDRESS", "VLLM_TARGET_URL"}
}

// Settings are what errors of a client call these variables.
func Settings() client.Settings {
	return client.Settings{Address: "VLLM_URL", Authority: "VLLM_CA_FILE", Certificate: "VLLM_CERT_FILE and VLLM_KEY_FILE", NoServer: "unset VLLM_URL to use the mock"}
}

// withValue are those of the variables that have a value.
func withValue(vars map[string]string, names ...string) (out []string) {
	for _, name := range names {
		if vars[name] != "" {
			out = append(out, name)
		}
	}
	return out
}

// blank refuses variables that are there and say nothing of the server to measure, as
// a secret that is missing in CI leaves them: the mock would be measured in its place.
func blank(environ []string) error {
	var errs []error
	for _, entry := range environ {
		name, value, found := strings.Cut(entry, "=")
		if found && saysNothing(value) && slices.Contains(serverVars(), name) {
			errs = append(errs, fmt.Errorf("%s is set, and empty, as a secret that is missing leaves it: give it a value, or unset it", name))
		}
	}
	return errors.Join(errs...)
}

func saysNothing(value string) bool { return strings.TrimSpace(value) == "" }

// misspelt finds variables that are no variables of ours, and nearly are: what they
// were to say would not be heard, and another server measured than was meant.
func misspelt(vars map[string]string) (errs []error) {
	unnamed := withValue(vars, serverVars()...) == nil
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		meant := meantBy(name)
		switch {
		case slices.Contains(knownVars(), name):
		case meant != "":
			errs = append(errs, fmt.Errorf("%s is no variable of vllmspec; did you mean %q?", name, meant))
		case strings.HasPrefix(strings.ToUpper(name), "VLLMSPEC_"):
			errs = append(errs, fmt.Errorf("%s is no variable of vllmspec%s", name, spelling.DidYouMean(name, ownVars())))
		case unnamed && slices.Contains(foreignVars(), name):
			errs = append(errs, fmt.Errorf("%s names a server for other programs, and nothing names one for vllmspec; did you mean %q? To measure the mock, unset %[1]s", name, "VLLM_URL"))
		}
	}
	return errs
}

// meantBy is the variable of ours that a name is a slip of; "" where it is none. A slip
// is a letter too many, too few, exchanged or swapped with its neighbour, two of them
// in long names, another case, an underscore too many or too few, or VLLM for VLLMSPEC
// and the other way round.
func meantBy(name string) string {
	const long = 12 // letters
	upper := strings.ToUpper(name)
	if !likeOurs(upper) {
		return ""
	}
	if rest, found := strings.CutPrefix(upper, "VLLM_SPEC_"); found {
		upper = "VLLMSPEC_" + rest
	}
	swapped := ""
	if rest, found := strings.CutPrefix(upper, "VLLMSPEC_"); found {
		swapped = "VLLM_" + rest
	} else if rest, found := strings.CutPrefix(upper, "VLLM_"); found {
		swapped = "VLLMSPEC_" + rest
	}
	squeeze := strings.NewReplacer("_", "", "-", "")
	best, least := "", 3
	for _, known := range knownVars() {
		if swapped == known || squeeze.Replace(upper) == squeeze.Replace(known) {
			return known
		}
		allowed := 1
		if len(known) >= long {
			allowed = 2
		}
		if d := spelling.Distance(upper, known); d <= allowed && d < least {
			best, least = known, d
		}
	}
	return best
}

// likeOurs reports whether a name begins as ours do, or nearly. LLM_ and VLM_ are the
// names of other programs' variables.
func likeOurs(upper string) bool {
	first, _, _ := strings.Cut(upper, "_")
	if first == "LLM" || first == "VLM" {
		return false
	}
	for _, ours := range []string{"VLLM", "VLLMSPEC", "DCGM", "GODOG"} {
		if strings.HasPrefix(upper, ours) || spelling.Distance(first, ours) <= 1 {
			return true
		}
	}
	return false
}
