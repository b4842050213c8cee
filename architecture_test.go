package vllmspec_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// imported are the packages of this module that each of them imports, by path in the module.
func imported(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	for _, p := range packages(t) {
		of := map[string]bool{}
		for _, path := range p.Imports {
			if ours, ok := strings.CutPrefix(path, module); ok {
				of[strings.TrimPrefix(ours, "/")] = true
			}
		}
		all[strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")] = of
	}
	return all
}

// place is a package's path in the module; "" is the module's own.
func place(name string) string { return strings.TrimPrefix(name, "vllmspec") }

// TestArchitecture_pictureIsTrueToTheImports holds the picture of docs/architecture.md to the code: each
// arrow between packages is an import.
func TestArchitecture_pictureIsTrueToTheImports(t *testing.T) {
	_, picture, found := strings.Cut(readFile(t, "docs/architecture.md"), "```mermaid\n")
	require.True(t, found)
	picture, _, _ = strings.Cut(picture, "```")
	packageOf := map[string]string{}
	for _, node := range regexp.MustCompile("(?m)^\\s*(\\w+)\\[\"([^<\"]+)").FindAllStringSubmatch(picture, -1) {
		packageOf[node[1]] = place(node[2])
	}
	imports, arrows := imported(t), 0
	for _, arrow := range regexp.MustCompile(`(?m)^\s*(\w+) -->(?:\|[^|]*\|)? (\w+)$`).FindAllStringSubmatch(picture, -1) {
		from, to := packageOf[arrow[1]], packageOf[arrow[2]]
		require.Contains(t, packageOf, arrow[1])
		require.Contains(t, packageOf, arrow[2])
		assert.Contains(t, imports, from, "the picture names a package that is not there")
		assert.True(t, imports[from][to], "%s does not import %s, as the picture says", from, to)
		arrows++
	}
	assert.Greater(t, arrows, 10)
	assert.Equal(t, strings.Count(picture, "-->"), arrows, "an arrow that this test does not read")
}

// TestArchitecture_layersAreTrueToTheImports holds the table of layers to the code: each package stands in
// it once, and imports what stands below it.
func TestArchitecture_layersAreTrueToTheImports(t *testing.T) {
	layer := map[string]int{}
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \| ([^|]+) \|`).FindAllStringSubmatch(readFile(t, "docs/architecture.md"), -1) {
		number, err := strconv.Atoi(row[1])
		require.NoError(t, err)
		for _, path := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
			assert.NotContains(t, layer, path[1], "it stands in two layers")
			layer[place(path[1])] = number
		}
	}
	all := imported(t)
	for path, imports := range all {
		if !assert.Contains(t, layer, path, "it stands in no layer of docs/architecture.md") {
			continue
		}
		for below := range imports {
			assert.Less(t, layer[below], layer[path], "%s imports %s, which stands beside or above it", path, below)
		}
	}
	for path := range layer {
		assert.Contains(t, all, path, "docs/architecture.md names a package that is not there")
	}
}
