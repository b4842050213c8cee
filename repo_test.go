package vllmspec_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/vllmspec/vllmspec"

// allowed is what each package of ours may import of ours: imports go strictly
// down and nothing imports sideways, so that every package can be read, tested
// and replaced without the ones above and beside it.
func allowed() map[string][]string {
	domain := []string{"harness", "internal/spelling"}
	mock := []string{"mockvllm/internal/answer", "mockvllm/internal/clock", "mockvllm/internal/engine", "mockvllm/internal/events", "mockvllm/internal/faults", "mockvllm/internal/hash", "mockvllm/internal/media", "mockvllm/internal/metrics", "mockvllm/internal/pydantic", "mockvllm/internal/tokenizer", "mockvllm/internal/vector", "mockvllm/internal/wire"}
	return map[string][]string{
		"":                           {"harness", "harness/client", "harness/metric", "internal/environment", "internal/suite"},
		"internal/environment":       append(domain, "internal/bucket", "harness/client", "harness/credentials", "harness/export", "harness/sampler", "harness/server", "internal/disk", "internal/plain", "internal/redact"),
		"internal/spelling":          {},
		"internal/modelname":         {},
		"internal/plain":             {},
		"internal/pullrequest":       {},
		"internal/redact":            {},
		"internal/digest":            {},
		"internal/download":          {"internal/disk", "internal/redact"},
		"internal/bucket":            {"internal/disk"},
		"internal/bucket/buckettest": {"internal/bucket", "internal/loopback"},
		"internal/command/transfer":  {"internal/bucket", "internal/command", "internal/command/open", "internal/plain", "internal/redact"},
		"internal/disk":              {},
		"harness/stats":              {},
		"internal/guard":             {},
		"harness/credentials":        {"internal/guard", "internal/plain", "internal/redact"},
		"internal/stamp":             {},
		"internal/limit":             {},
		"internal/measures":          {},
		"internal/loopback":          {},
		"harness/http1":              {"internal/limit", "internal/stamp"},
		"harness/arrival":            {},
		"fixtures":                   {},
		"fixtures/generate":          {"internal/disk"},
		"mockvllm/calibrate":         {"mockvllm"},
		"harness":                    {"harness/internal/ahead", "harness/internal/prefix", "harness/internal/stall", "harness/internal/timer", "internal/limit", "harness/vllm"},
		"internal/calibration":       append(domain, "harness/measure", "internal/spelling", "harness/arrival", "harness/dataset", "harness/experiment", "harness/trials", "harness/stats", "mockvllm", "harness/quantity", "harness/slo", "harness/compare"),
		"internal/selfcheck":         append(domain, "harness/measure", "harness/client", "harness/arrival", "harness/dataset", "harness/experiment", "harness/export", "internal/disk", "internal/spelling", "harness/openai", "mockvllm", "reports", "reports/live", "harness/quantity", "harness/slo"),
		"harness/client":             {"harness", "harness/credentials", "harness/http1", "harness/servers", "internal/limit", "internal/plain", "internal/redact", "internal/stamp"},
		"harness/vllm":               {},
		"harness/servers":            {"harness/vllm"},
		"harness/openai":             append(domain, "harness/media", "harness/client", "harness/servers", "harness/wire", "internal/limit", "internal/modelname", "internal/plain", "harness/vllm"),
		"harness/wire":               {"harness", "harness/client", "internal/limit"},
		"harness/internal/wiretest":  {"harness", "harness/client"},
		"harness/sampler":            append(domain, "harness/credentials", "harness/servers", "internal/limit", "internal/plain", "internal/redact", "harness/vllm"),
		"harness/store":              append(domain, "internal/disk", "harness/arrival", "harness/servers", "harness/vllm"),
		"harness/history":            {"harness/measure", "harness/slo", "harness/store"},
		"harness/past":               {"harness/history", "harness/store", "internal/spelling"},
		"harness/validity":           {"harness", "internal/limit", "internal/spelling"},
		"harness/export":             {"harness", "internal/loopback"},
		"harness/foreign":            append(domain, "internal/redact"),
		"harness/server":             append(domain, "internal/disk", "internal/guard", "internal/loopback", "internal/redact", "mockvllm", "harness/vllm"),
		"harness/judge":              append(domain, "harness/ledger", "harness/measure", "harness/metric", "harness/vllm", "harness/store", "harness/trials", "harness/quantity", "harness/slo", "harness/reconcile", "harness/compare", "harness/diagnose"),
		"harness/metric":             append(domain, "harness/vllm", "harness/quantity"),
		"harness/ledger":             {"harness", "harness/metric", "harness/quantity", "harness/stats", "harness/vllm"},
		"harness/measure/answers":    {"harness", "harness/quantity"},
		"harness/measure":            append(domain, "harness/measure/answers", "harness/ledger", "harness/metric", "harness/quantity", "harness/stats", "harness/vllm"),
		"harness/slo":                append(domain, "harness/measure/answers", "harness/ledger", "harness/measure", "harness/metric", "harness/stats", "harness/vllm", "harness/quantity"),
		"harness/trials":             append(domain, "harness/measure", "harness/metric", "harness/stats", "harness/quantity", "harness/slo"),
		"reports/sql":                {"harness", "harness/metric"},
		"reports/chart":              append(domain, "harness/fleet", "harness/ledger", "harness/measure", "harness/metric", "harness/quantity", "harness/slo", "harness/stats", "harness/vllm", "reports/sql"),
		"reports":                    append(domain, "harness/history", "harness/fleet", "harness/stats", "harness/measure", "harness/servers", "internal/disk", "internal/plain", "harness/metric", "harness/store", "harness/trials", "harness/quantity", "harness/slo", "harness/compare", "harness/diagnose", "reports/chart", "reports/sql"),
		"reports/live":               append(domain, "harness/measure", "harness/metric", "internal/loopback", "internal/plain", "harness/store", "harness/trials", "reports", "reports/chart", "harness/quantity", "harness/slo"),
		"reports/ci":                 append(domain, "harness/store", "internal/disk", "internal/plain", "reports", "harness/quantity", "harness/slo"),
		"harness/experiment": append(domain, "harness/ledger", "harness/measure", "harness/arrival", "harness/client", "harness/credentials", "harness/dataset", "harness/diagnose", "harness/export", "harness/history", "harness/interfaces", "harness/judge", "harness/past", "harness/openai",
			"harness/metric", "harness/sampler", "harness/server", "harness/servers", "harness/store", "harness/trials", "internal/disk", "internal/plain", "internal/redact", "mockvllm", "reports", "reports/chart", "harness/vllm", "harness/quantity", "harness/slo", "harness/reconcile"),
		"internal/importing": {"harness", "harness/diagnose", "harness/foreign", "harness/judge", "harness/measure", "harness/metric", "harness/slo", "harness/store", "reports", "reports/chart"},
		"internal/suite": append(domain, "fixtures", "internal/bucket", "harness/metric", "harness/client", "harness/credentials", "harness/openai", "harness/dataset", "harness/dataset/origin", "internal/environment", "harness/experiment", "harness/export", "harness/history", "harness/slo", "internal/plain", "internal/redact",
			"reports", "reports/ci", "reports/live", "steps"),
		"steps/internal/sentence": append(domain, "harness/experiment", "harness/slo"),
		"steps/internal/target":   append(domain, "harness/experiment", "harness/quantity", "mockvllm", "steps/internal/amount", "steps/internal/sentence"),
		"steps":                   append(domain, "harness/dataset/multimodal", "steps/internal/medium", "steps/internal/target", "harness/validity", "internal/limit", "steps/internal/amount", "steps/internal/phrases", "steps/internal/sentence", "harness/interfaces", "harness/metric", "fixtures", "internal/digest", "harness/arrival", "harness/dataset", "harness/dataset/origin", "harness/dataset/trace", "harness/experiment", "harness/past", "harness/trials", "mockvllm", "harness/quantity", "harness/slo", "harness/reconcile", "harness/compare"),
		"steps/stored":            {},
		"steps/writes":            {},
		"features":                {},

		// The command: a table of subcommands, a package each.
		"cmd/vllmspec":              {"internal/command", "internal/command/accuracy", "internal/command/comment", "internal/command/drift", "internal/command/exchange", "internal/command/features", "internal/command/history", "internal/command/mock", "internal/command/open", "internal/command/report", "internal/command/start", "internal/command/transfer", "internal/command/version"},
		"internal/command":          {"internal/plain", "internal/spelling"},
		"internal/command/comment":  {"internal/command", "internal/command/open", "internal/pullrequest"},
		"internal/command/accuracy": {"internal/calibration", "internal/command", "internal/selfcheck"},
		"internal/command/drift":    append(domain, "harness/measure", "harness/metric", "harness/history", "harness/store", "harness/quantity", "harness/slo", "harness/compare", "internal/command", "internal/command/open", "reports"),
		"internal/command/history":  {"harness/history", "internal/command", "internal/command/open", "internal/disk", "internal/plain", "internal/spelling", "reports"},
		"internal/command/exchange": append(domain, "harness/arrival", "harness/foreign", "harness/slo", "harness/store", "internal/command", "internal/command/open", "internal/disk", "internal/importing", "internal/plain", "reports", "steps"),
		"internal/command/features": append(domain, "features", "internal/spelling", "harness/dataset", "harness/experiment", "harness/quantity", "harness/slo", "harness/store", "harness/vllm", "internal/command", "internal/command/open", "internal/disk", "internal/environment", "internal/plain", "internal/suite", "mockvllm"),
		"internal/command/mock":     append(domain, "internal/command", "internal/disk", "internal/stamp", "harness/store", "mockvllm", "mockvllm/calibrate"),
		"internal/command/open":     {"internal/bucket", "internal/command", "internal/environment", "internal/plain"},
		"internal/command/report":   append(domain, "internal/bucket", "internal/command", "internal/command/transfer", "internal/disk", "internal/plain", "harness/judge", "harness/stats", "harness/store", "harness/trials", "reports", "reports/chart"),
		"internal/command/start":    {"features", "internal/command", "internal/disk", "internal/environment", "internal/spelling"},
		"internal/command/version":  {"harness/store", "internal/command"},

		// The mock: from what is said to who is answered.
		"mockvllm/internal/hash":      {},
		"mockvllm/internal/tokenizer": {},
		"mockvllm/internal/answer":    {"mockvllm/internal/tokenizer"},
		"mockvllm/internal/clock":     {},
		"mockvllm/internal/faults":    {"internal/spelling", "mockvllm/internal/clock"},
		"mockvllm/internal/events":    {},
		"mockvllm/internal/pydantic":  {},
		"mockvllm/internal/metrics":   {},
		"mockvllm/internal/vector":    {"mockvllm/internal/hash", "mockvllm/internal/tokenizer"},
		"mockvllm/internal/media":     {"mockvllm/internal/hash", "mockvllm/internal/tokenizer"},
		"mockvllm/internal/wire":      {"mockvllm/internal/faults"},
		"mockvllm/internal/engine":    {"mockvllm/internal/answer", "mockvllm/internal/clock", "mockvllm/internal/faults", "mockvllm/internal/hash", "mockvllm/internal/metrics", "mockvllm/internal/tokenizer"},
		"mockvllm/internal/api":       append(mock, "internal/stamp"),
		"mockvllm":                    append(mock, "internal/modelname", "internal/spelling", "mockvllm/internal/api"),
		"harness/quantity":            {},
		"harness/fleet":               {"harness", "harness/servers", "harness/stats", "harness/vllm"},
		"internal/runtest":            {"harness"},
		"harness/reconcile":           {"harness/ledger", "harness", "internal/spelling", "harness/quantity", "harness/slo"},
		"harness/compare":             {"harness/measure", "harness", "harness/metric", "harness/vllm", "harness/stats", "harness/quantity", "harness/slo"},
		"harness/diagnose":            {"harness/fleet", "harness/ledger", "harness/measure", "harness", "harness/metric", "harness/stats", "harness/vllm", "harness/quantity", "harness/slo"},

		// The ways in which a server is asked, beside OpenAI's completions and chats.
		"harness/responses":          {"harness", "harness/client", "harness/media", "harness/openai", "harness/wire", "internal/limit"},
		"harness/messages":           {"harness", "harness/client", "harness/media", "harness/openai", "harness/wire", "internal/limit"},
		"harness/generate":           {"harness", "harness/client", "harness/media", "harness/openai", "internal/limit"},
		"harness/media":              {"harness"},
		"harness/transcripts":        {"harness", "harness/client", "harness/media", "harness/openai", "harness/wire", "internal/limit"},
		"harness/dataset/multimodal": {"harness", "harness/dataset", "harness/media"},
		"steps/internal/medium":      {"harness", "harness/dataset", "harness/dataset/multimodal", "harness/interfaces", "steps/internal/amount"},
		"harness/pooling":            {"harness", "harness/client", "harness/openai", "internal/limit"},
		"harness/interfaces":         append(domain, "harness/client", "harness/generate", "harness/media", "harness/messages", "harness/openai", "harness/pooling", "harness/responses", "harness/transcripts"),

		// What sentences say in words, whatever they are about.
		"steps/internal/amount":  append(domain[1:], "harness/arrival", "harness/dataset", "harness/quantity"),
		"steps/internal/phrases": {},

		// When requests are due, on a clock that is not virtual.
		"harness/internal/ahead":  {},
		"harness/internal/prefix": {},
		"harness/internal/stall":  {},
		"harness/internal/timer":  {},

		// What is asked: readers of files below, traces beside.
		"harness/dataset/internal/source": {},
		"harness/dataset/internal/tokens": {},
		"harness/dataset/trace":           {"harness", "harness/dataset/internal/source", "harness/dataset/internal/tokens"},
		"harness/dataset/internal/line":   {"harness/dataset/internal/source", "internal/spelling"},
		"harness/dataset/internal/chat":   {"harness", "harness/dataset/internal/line", "harness/dataset/internal/source"},
		"harness/dataset/internal/packed": {"internal/disk"},
		"harness/dataset/internal/query":  {"harness/dataset/internal/query/postgres", "harness/dataset/internal/query/sqlite", "harness/dataset/internal/source", "internal/spelling"},

		"harness/dataset/internal/query/postgres": {"harness/dataset/internal/source"},
		"harness/dataset/internal/query/sqlite":   {},

		"harness/dataset":        append(domain, "harness/dataset/internal/chat", "harness/dataset/internal/line", "harness/dataset/internal/source", "harness/dataset/internal/tokens"),
		"harness/dataset/origin": {"harness/dataset", "harness/dataset/internal/packed", "harness/dataset/internal/query", "harness/dataset/internal/source", "internal/disk", "internal/download", "internal/redact"},
	}
}

// only is where a library may be imported; a second place is a second way of
// doing one thing.
func only() map[string][]string {
	return map[string][]string{
		"github.com/cucumber/godog":             {"internal/suite", "steps", "steps/internal/sentence"},
		"github.com/a-h/templ":                  {"reports"},
		"golang.org/x/term":                     {"reports/live"},
		"github.com/prometheus/common/expfmt":   {"harness/sampler"},
		"github.com/shirou/gopsutil/v3":         {"harness/sampler"},
		"github.com/NVIDIA/go-nvml":             {"harness/sampler"},
		"github.com/minio/minio-go":             {"internal/bucket"},
		"github.com/jackc/pgx":                  {"harness/history", "harness/dataset/internal/query/postgres"},
		"modernc.org/sqlite":                    {"harness/history", "harness/dataset/internal/query/sqlite"},
		"github.com/klauspost/compress":         {"harness/dataset/internal/packed"},
		"github.com/parquet-go/parquet-go":      {"harness/history", "harness/store", "harness/dataset", "harness/dataset/internal/source", "harness/dataset/trace"},
		"github.com/testcontainers":             {"harness/server"},
		"github.com/moby/moby":                  {"harness/server"},
		"go.opentelemetry.io/otel":              {"harness/export"},
		"github.com/prometheus/client_golang":   {"harness/export"},
		"github.com/tidwall/gjson":              {"harness/interfaces", "harness/messages", "harness/openai", "harness/pooling", "harness/responses", "harness/transcripts", "harness/wire", "mockvllm/internal/api", "mockvllm/internal/pydantic"},
		"github.com/santhosh-tekuri/jsonschema": {"harness/validity"},
		"gonum.org/v1/gonum":                    {"harness/stats", "harness/arrival", "mockvllm/calibrate"},
	}
}

type goPackage struct {
	ImportPath, Name, Doc string
	Imports               []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports", "./...").Output()
	require.NoError(t, err)
	var all []goPackage
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else {
			require.NoError(t, err)
		}
		all = append(all, p)
	}
}

func TestImports_goStrictlyDown(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		may, known := allowed()[path]
		if !assert.True(t, known, "%s is a new package: give it a place in the layers", path) {
			continue
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				assert.Contains(t, may, ours, "%s must not import %s: it lies beside or above", path, ours)
			}
			for library, places := range only() {
				if imported == library || strings.HasPrefix(imported, library+"/") {
					assert.True(t, slices.Contains(places, path), "%s must not import %s: that is done in %v", path, imported, places)
				}
			}
		}
	}
}

func TestPackages_sayWhatTheyAreFor(t *testing.T) {
	for _, p := range packages(t) {
		assert.NotEmpty(t, p.Doc, "%s has no package comment", p.ImportPath)
	}
}

func TestMarkup_isFresh(t *testing.T) {
	templates, err := filepath.Glob("reports/*.templ")
	require.NoError(t, err)
	require.NotEmpty(t, templates)
	for _, template := range templates {
		generate := exec.Command("go", "tool", "-modfile=../tools/go.mod", "templ", "generate", "-stdout", "-f", filepath.Base(template))
		generate.Dir = filepath.Dir(template) // the generated code names the file as it was given
		fresh, err := generate.Output()
		require.NoError(t, err)
		committed := readFile(t, strings.TrimSuffix(template, ".templ")+"_templ.go")
		assert.Equal(t, string(fresh), committed, "%s changed: run go generate ./reports", template)
	}
}

// writers are the files that may write, rename or open for writing by themselves, and why. All
// others leave it to internal/disk, so that what users keep is never half there.
func writers() map[string]string {
	return map[string]string{
		"internal/selfcheck/process.go": "a folder that goes with the process",
		"internal/selfcheck/group.go":   "the kernel's files",
		"harness/server/engine.go":      "a lock, as long as a container runs",
		"harness/server/logbook.go":     "a log, line by line",
		"internal/command/mock/mock.go": "a log, line by line",
		"reports/ci/cucumber.go":        "what godog writes, which is read and removed at once",
		"reports/ci/summary.go":         "GitHub's file, which is appended to",
		"vllmspec.go":                   "a terminal",
	}
}

func TestWrites_goOneWay(t *testing.T) {
	writes := regexp.MustCompile(`\bos\.(WriteFile|Create|CreateTemp|OpenFile|Rename|Truncate)\(`)
	unused := writers()
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		path = filepath.ToSlash(path)
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "internal/disk/") {
			return err
		}
		if found := writes.FindString(readFile(t, path)); found != "" {
			assert.Contains(t, writers(), path, "%s calls %s…): internal/disk writes files, so that they are whole or not there", path, found)
			delete(unused, path)
		}
		return nil
	}))
	assert.Empty(t, unused, "these write no files any more")
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}
