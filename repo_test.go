package vllmspec_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
	domain := []string{"harness", "harness/spelling"}
	return map[string][]string{
		"":                        {},
		"harness/spelling":        {},
		"harness/stats":           {},
		"harness/credentials":     {},
		"harness/stamp":           {},
		"harness/http1":           {"harness/stamp"},
		"harness/arrival":         {},
		"fixtures":                {},
		"fixtures/generate":       {},
		"mockvllm":                {"harness/spelling", "harness/stamp"},
		"mockvllm/calibrate":      {"mockvllm"},
		"mockvllm/cmd/mockvllm":   append(domain, "harness/stamp", "harness/store", "mockvllm", "mockvllm/calibrate"),
		"harness":                 {},
		"harness/cmd/calibration": append(domain, "harness/arrival", "harness/slo", "harness/trials", "harness/stats", "mockvllm"),
		"harness/cmd/selfcheck":   append(domain, "harness/arrival", "harness/dataset", "harness/openai", "harness/sampler", "harness/slo", "harness/store", "mockvllm", "reports/live"),
		"harness/dataset":         domain,
		"harness/openai":          append(domain, "harness/credentials", "harness/http1", "harness/stamp"),
		"harness/sampler":         domain,
		"harness/store":           domain,
		"harness/export":          {"harness"},
		"harness/server":          append(domain, "mockvllm"),
		"harness/slo":             append(domain, "harness/stats"),
		"harness/trials":          append(domain, "harness/slo", "harness/stats"),
		"reports":                 append(domain, "harness/slo", "harness/stats", "harness/store", "harness/trials"),
		"reports/live":            append(domain, "harness/slo", "harness/store", "reports"),
		"reports/cmd/report":      append(domain, "harness/slo", "harness/stats", "harness/store", "harness/trials", "reports"),
		"steps": append(domain, "fixtures", "harness/arrival", "harness/credentials", "harness/dataset", "harness/export", "harness/openai",
			"harness/sampler", "harness/server", "harness/slo", "harness/store", "harness/trials", "mockvllm", "reports", "reports/live"),
		"features":          {"steps"},
		"harness/cmd/drift": append(domain, "harness/slo", "harness/store"),
	}
}

// only is where a library may be imported; a second place is a second way of
// doing one thing.
func only() map[string][]string {
	return map[string][]string{
		"github.com/cucumber/godog":           {"steps"},
		"github.com/a-h/templ":                {"reports"},
		"golang.org/x/term":                   {"reports/live"},
		"github.com/prometheus/common/expfmt": {"harness/sampler"},
		"github.com/shirou/gopsutil/v3":       {"harness/sampler"},
		"github.com/NVIDIA/go-nvml":           {"harness/sampler"},
		"github.com/parquet-go/parquet-go":    {"harness/store", "harness/dataset"},
		"github.com/testcontainers":           {"harness/server"},
		"github.com/moby/moby":                {"harness/server"},
		"go.opentelemetry.io/otel":            {"harness/export"},
		"github.com/prometheus/client_golang": {"harness/export"},
		"github.com/tidwall/gjson":            {"harness/openai", "mockvllm"},
		"gonum.org/v1/gonum":                  {"harness/stats", "harness/arrival", "mockvllm/calibrate"},
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

func TestImportsGoStrictlyDown(t *testing.T) {
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

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" && strings.HasSuffix(p.ImportPath, "/features") {
			continue // tests only: its comment stands in the test file
		}
		assert.NotEmpty(t, p.Doc, "%s has no package comment", p.ImportPath)
	}
}

func TestGeneratedMarkupIsFresh(t *testing.T) {
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

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}
