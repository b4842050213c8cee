package vllmspec_test

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/fixtures"
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/multimodal"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/interfaces"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/store"
)

// checkedDocument has the table of [checkedRow]s: those of the mock are made by every run of the
// test, those of real servers by the target test-vllm of the Makefile.
const checkedDocument = "docs/interfaces-checked.md"

// A checkedRow is what client and server counted of one load over one interface.
type checkedRow struct {
	over, server string
	figures      map[string]string // by the name of the column
	differ       []string          // figures that are not the same on both sides
}

// checkedFigures are the columns, and what each is called in a manifest.
func checkedFigures() [][2]string {
	return [][2]string{{"requests", "requests"}, {"prompt tokens", "prompt tokens"}, {"output tokens", "output tokens"}, {"HTTP errors", "HTTP errors"}}
}

// A checked is a load over an interface: 24 requests, of which some are asked of a model that is not served.
type checked struct {
	name    string
	answers harness.Answers
	asks    harness.Dataset
}

func (c checked) String() string {
	if c.answers.ComeAtOnce() {
		return c.name + ", in one piece"
	}
	return c.name
}

func checkedLoads() (all []checked) {
	lengths := dataset.Synthetic{Prompt: dataset.Length{Mean: 100}, Answer: dataset.Length{Mean: 12}}
	talks := func(full bool) harness.Dataset {
		return &dataset.File{FS: fixtures.Files(), Path: "sharegpt.json", Name: "sharegpt", MaxTokens: 12, IgnoreEOS: full, Virtual: true}
	}
	for _, answers := range []harness.Answers{harness.Streamed, harness.AtOnce} {
		all = append(all, checked{interfaces.Completions, answers, lengths}, checked{interfaces.Chat, answers, talks(true)},
			checked{interfaces.Generate, answers, lengths}, checked{interfaces.Responses, answers, talks(true)}, checked{interfaces.Messages, answers, talks(false)})
	}
	clips := multimodal.Clips{Seconds: dataset.Length{Mean: 5}, MaxTokens: 12}
	for _, answers := range []harness.Answers{harness.Transcripts, harness.TranscriptsAtOnce} {
		all = append(all, checked{interfaces.Transcriptions, answers, clips}, checked{interfaces.Translations, answers, clips})
	}
	texts, queries := dataset.Texts{Length: dataset.Length{Mean: 40}, Each: 3}, dataset.Texts{Length: dataset.Length{Mean: 20}, Each: 3, Query: dataset.Length{Mean: 8}}
	for _, name := range []string{interfaces.Embeddings, interfaces.Classify, interfaces.Pooling} {
		all = append(all, checked{name, harness.Pooled, texts})
	}
	for _, name := range []string{interfaces.Score, interfaces.Rerank} {
		all = append(all, checked{name, harness.Pooled, queries})
	}
	slices.SortStableFunc(all, func(a, b checked) int { return cmp.Compare(placeOf(a.name), placeOf(b.name)) })
	return all
}

// placeOf is where an interface stands among all of them.
func placeOf(name string) int {
	return slices.IndexFunc(interfaces.All(), func(in interfaces.Interface) bool { return in.Name == name })
}

// run brings the load to the place, and is what its manifest has of both sides.
func (c checked) run(t *testing.T, place experiment.Place, virtual bool) checkedRow {
	t.Helper()
	over := harness.Interface{Name: c.name, Answers: c.answers}
	if c.name == interfaces.Completions || c.name == interfaces.Chat {
		over.Name = "" // the dataset says which
	}
	const unserved = "not-served"
	plan := experiment.Plan{Virtual: virtual, FixedWarmup: true, Timeout: time.Minute,
		Target: experiment.Target{Model: "llama-3.1-8b", GPU: "one H100"},
		Scenario: harness.Scenario{Name: c.String(), Seed: 1, Interface: over, Load: harness.Closed{Users: 2, Requests: 24},
			Dataset: dataset.Adapters{Dataset: c.asks, Shares: []dataset.AdapterShare{{Name: unserved, Share: 0.2}}}}}
	out := t.TempDir()
	session := &experiment.Session{Out: out, Place: place}
	defer session.Close()
	e := session.New(plan)
	err := e.Run(t.Context())
	_, err = e.Finish(err)
	require.NoError(t, err)
	folders, err := filepath.Glob(filepath.Join(out, "run=*"))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	m, _, err := store.ReadManifest(folders[0])
	require.NoError(t, err)
	return c.row(m)
}

// row is what a manifest has.
func (c checked) row(m store.Manifest) checkedRow {
	row := checkedRow{over: c.String(), figures: map[string]string{}}
	for _, a := range m.Agreement {
		row.figures[a.Name] = counted(a.Client)
		switch {
		case a.Unit == "s": // two clocks never agree exactly
		case a.Server == nil && a.Client != nil:
			row.figures[a.Name] += ", not counted"
		case a.Client == nil || *a.Client != *a.Server:
			row.figures[a.Name] += " ≠ " + counted(a.Server)
			row.differ = append(row.differ, a.Name+": "+row.figures[a.Name])
		}
	}
	return row
}

func counted(f *float64) string {
	if f == nil {
		return "none"
	}
	return quantity.Grouped(int(*f))
}

// line is the row in the table.
func (r checkedRow) line() string {
	cells := []string{r.over, r.server}
	for _, f := range checkedFigures() {
		cells = append(cells, cmp.Or(r.figures[f[1]], "–"))
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// TestInterfaces_areCheckedOnTheMock brings a load to the mock over each interface. Both sides must count the
// same, and the document must say so.
func TestInterfaces_areCheckedOnTheMock(t *testing.T) {
	var rows []checkedRow
	for _, c := range checkedLoads() {
		t.Run(c.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				row := c.run(t, experiment.Place{}, true)
				row.server = "mock"
				assert.Empty(t, row.differ)
				rows = append(rows, row)
			})
		})
	}
	if *update {
		writeChecked(t, rows)
	}
	document := readFile(t, checkedDocument)
	for _, row := range rows {
		assert.Contains(t, document, row.line()+"\n", "%s says otherwise; write it anew: go test . -run Interfaces_areChecked -update", checkedDocument)
	}
}

// TestInterfaces_areCheckedOnAServer brings the loads to a real server, over each interface that its model has. Where a
// server is not started for it, there is nothing to do.
func TestInterfaces_areCheckedOnAServer(t *testing.T) {
	serves := os.Getenv("VLLM_SERVES")
	if serves == "" {
		t.Log("no real server was started for this test: make test-vllm, or fixtures/vllm/serve go test . -run Interfaces_areChecked")
		return
	}
	has := map[string][]string{
		"generate": {interfaces.Completions, interfaces.Chat, interfaces.Responses, interfaces.Messages, interfaces.Generate},
		"embed":    {interfaces.Embeddings, interfaces.Pooling},
		"classify": {interfaces.Classify},
		"rank":     {interfaces.Score, interfaces.Rerank},
	}[serves]
	require.NotEmpty(t, has, "VLLM_SERVES=%s is no model that fixtures/vllm/serve knows", serves)
	var rows []checkedRow
	for _, c := range checkedLoads() {
		if !slices.Contains(has, c.name) {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			row := c.run(t, servedPlace(), false)
			row.server = os.Getenv("VLLM_RELEASE")
			t.Log(row.line())
			assert.Empty(t, row.differ)
			rows = append(rows, row)
		})
	}
	if *update && !t.Failed() {
		writeChecked(t, rows)
	}
}

// checkedHead is the document above its table.
const checkedHead = `# Interfaces, checked

Over each interface the client brings 24 requests to a server, some of them for a model that it does not serve. What the client counts is held against by how
much the server's own counters (/metrics) rose. A figure that stands alone is the same on both sides; of two that differ the first is the client's;
one that the server does not count is the client's only.

The rows of the mock are made by each run of the tests, those of vLLM by a real one that computes on the CPU, with a model of random weights:

` + "```sh\nmake test-vllm UPDATE=-update\n```" + `

Requests over the interfaces that pool have three texts, or a query and three documents. Each text counts as a request, and so does each pair of a query and a document.

| interface | server | requests | prompt tokens | output tokens | HTTP errors |
|---|---|---|---|---|---|
`

// writeChecked puts rows in place of those that the document has of the same servers and interfaces.
func writeChecked(t *testing.T, rows []checkedRow) {
	t.Helper()
	key := func(line string) [2]string {
		cells := strings.Split(line, " | ")
		return [2]string{strings.TrimPrefix(cells[0], "| "), cells[1]}
	}
	lines := map[[2]string]string{}
	if old, err := os.ReadFile(checkedDocument); err == nil {
		for line := range strings.Lines(string(old)) {
			if strings.Count(line, " | ") == 5 && !strings.HasPrefix(line, "| interface |") {
				lines[key(line)] = line
			}
		}
	}
	for _, row := range rows {
		lines[[2]string{row.over, row.server}] = row.line() + "\n"
	}
	place := func(k [2]string) int {
		return slices.IndexFunc(checkedLoads(), func(c checked) bool { return c.String() == k[0] })
	}
	keys := slices.SortedFunc(maps.Keys(lines), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a[1], b[1]))
	})
	text := checkedHead
	if !slices.ContainsFunc(keys, func(k [2]string) bool { return k[1] != "mock" }) {
		text = strings.Replace(text, "The rows of the mock", "No real server has been asked yet. The rows of the mock", 1)
	}
	for _, k := range keys {
		text += lines[k]
	}
	require.NoError(t, os.WriteFile(checkedDocument, []byte(text), 0o644))
}
