package history

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/vllmspec/vllmspec/harness/store"
)

// An Identity says which runs are of one series, whose figures form a trend. A line number is no
// part of it: what stands above a scenario does not change what it measures.
type Identity struct {
	Feature  string // its title; of runs that were stored without one its file
	Scenario string // its name
	Tag      string // NAME of a tag @id:NAME, which stands for Feature and Scenario; "": none
	Target   string // "mock", or the software that serves the model
	Model    string
	GPU      string
	Plan     string // digest of load, workload, seed and what else the labels of a run say but for server and GPU
}

// separator stands between the parts of a series' key, as the schema has it.
const separator = "\x1f"

// Key is the identity as one text.
func (i Identity) Key() string {
	named := i.Tag
	if named == "" {
		named = i.Feature + separator + i.Scenario
	}
	return strings.Join([]string{named, i.Target, i.Model, i.GPU, i.Plan}, separator)
}

// Mock is the target of runs on the mock.
const Mock = "mock"

// IdentityOf is the identity of a stored run.
func IdentityOf(m store.Manifest) Identity {
	i := Identity{Feature: fileOf(m.Scenario.Where), Scenario: m.Scenario.Name, Target: "vllm", Model: m.Server.Model, Plan: planOf(m.Scenario.Labels)}
	if m.Feature != nil {
		i.Tag = m.Feature.ID
		if m.Feature.Title != "" {
			i.Feature = m.Feature.Title
		}
	}
	i.GPU = m.Scenario.Labels["gpu"]
	switch {
	case m.Simulated():
		i.Target = Mock
	case m.Imported != nil:
		i.Target = "measured by " + m.Imported.By
	case m.Server.Software != "":
		i.Target = string(m.Server.Software)
	}
	return i
}

var lineOfFile = regexp.MustCompile(`:\d+$`)

// fileOf is the file of a place in it.
func fileOf(where string) string { return lineOfFile.ReplaceAllString(where, "") }

// planOf is a digest of what runs must have in common to be compared, the server and its GPUs aside.
func planOf(labels map[string]string) string {
	plan := maps.Clone(labels)
	for _, other := range []string{"model", "gpu", "server-version"} {
		delete(plan, other)
	}
	raw, _ := json.Marshal(plan) // with its keys in order
	return fmt.Sprintf("%x", sha256.Sum256(raw))[:16]
}

// idOf is the identity of a run itself: two runs of one name, on different machines, are two.
func idOf(m store.Manifest) string {
	text := strings.Join([]string{m.Run, m.Host.Name, fmt.Sprint(m.Start.UnixNano())}, separator)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:32]
}
