package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The limits that the code keeps. What is longer mostly holds two jobs.
const (
	functionMost = 60   // lines
	fileMost     = 400  // lines
	methodsMost  = 40   // of one type
	packageMost  = 3000 // lines outside tests
)

func TestLimits_hold(t *testing.T) {
	c, err := read("../..")
	require.NoError(t, err)
	require.Greater(t, len(c.functions), 2000)
	for _, f := range c.functions {
		assert.LessOrEqual(t, f.lines, functionMost, "%s is too long for a function", f.name)
	}
	for name, lines := range c.files {
		assert.LessOrEqual(t, lines, fileMost, "%s is too long for a file", name)
	}
	for name, methods := range c.methods {
		assert.LessOrEqual(t, methods, methodsMost, "%s has too many methods for a type", name)
	}
	for name, lines := range c.packages {
		assert.LessOrEqual(t, lines, packageMost, "%s is too large for a package", name)
	}
}

func TestRead_countsWhatIsThere(t *testing.T) {
	c, err := read("testdata/module")
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"a.T": 2}, c.methods)
	assert.Equal(t, map[string]int{"a.T": 3}, c.fields)
	assert.Equal(t, map[string]int{"Test": 1, "Example": 1}, c.kinds)
	assert.Equal(t, 1, c.parallel)
	names := map[string]int{}
	for _, f := range c.functions {
		names[f.name] = f.branches
	}
	assert.Equal(t, map[string]int{"a.flat": 1, "a.branched": 6, "a.Set": 1, "a.Get": 1}, names)
	assert.Equal(t, 1, c.manyBooleans)
	var text strings.Builder
	for _, row := range c.table() {
		text.WriteString(row.what + ": " + row.value + "\n")
	}
	assert.Contains(t, text.String(), "most methods on one type: 2 (a.T)\n")
}

func TestQuantile_isByNearestRank(t *testing.T) {
	values := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	assert.Equal(t, 10, quantile(values, 0.9))
	assert.Equal(t, 10, quantile(values, 1))
	assert.Equal(t, 1, quantile(values, 0))
	assert.Equal(t, 0, quantile(nil, 0.5))
}
