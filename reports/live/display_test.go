//go:build linux

package live

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// shownOn shows a run on a display until it has ended.
func shownOn(t *testing.T, d *Display) {
	t.Helper()
	shown := d.Watch(harness.Scenario{Name: "A run", Load: harness.Closed{Users: 1, For: time.Hour}}, store.Manifest{}, func() {})
	shown.Published(reports.View{Outcome: "met", Headline: "Met."}, reports.Entry{}, t.TempDir())
}

// taken is an address at which something else listens.
func taken(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

func TestDisplay_takesAnotherPortWhereNoneWasAskedFor(t *testing.T) {
	var output, progress bytes.Buffer
	d := &Display{Output: &output, Progress: &progress, Address: taken(t), AnyPort: true}
	shownOn(t, d)
	shownOn(t, d)
	defer d.Close()
	assert.Equal(t, "    live at "+d.server.URL()+"\n", output.String(), "once, and the page stays")
	assert.Contains(t, progress.String(), output.String())
	assert.NotContains(t, d.server.URL(), d.Address)
	status, page := ask(t, "GET", d.server.URL())
	assert.Equal(t, 200, status)
	assert.Contains(t, page, "Met.", "the last frame")
}

func TestDisplay_saysOnceWhyThereIsNoPage(t *testing.T) {
	var output, progress bytes.Buffer
	d := &Display{Output: &output, Progress: &progress, Address: taken(t)}
	shownOn(t, d)
	shownOn(t, d)
	d.Close()
	assert.Equal(t, 1, strings.Count(progress.String(), "the runs cannot be shown at "+d.Address), "it is not tried again")
	assert.Empty(t, output.String())
}

func TestDisplay_writesTheTableWherePeopleReadAlong(t *testing.T) {
	var output, progress bytes.Buffer
	d := &Display{Output: &output, Progress: &progress}
	of := ended()
	of.Counted = "Missed: 1 of 2 objectives."
	d.Begin(1, 2, "One")
	d.Table(of)
	assert.Contains(t, progress.String(), "[1/2] One\n    One: Missed: p99 TTFT was 731 ms.\n", "the reason stands nowhere else")
	assert.Contains(t, output.String(), "    Missed: 1 of 2 objectives.\n", "the scenario's name stands above it, the reason below")

	output.Reset()
	d = &Display{Output: &output, Progress: &output}
	d.Begin(1, 2, "One")
	d.Table(ended())
	assert.True(t, strings.HasPrefix(output.String(), "    Missed: p99 TTFT was 731 ms.\n"), "once")
	assert.Equal(t, 1, strings.Count(output.String(), "p99 TTFT was"))
}
