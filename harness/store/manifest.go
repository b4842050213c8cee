package store

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/servers"
)

// InterfaceChat is the label "interface" of a run that asked chats where completions are asked
// else: it is another load than one of as many tokens.
const InterfaceChat = "chat"

// A Manifest is run.json: what was run, against what, from where.
type Manifest struct {
	Run      string            `json:"run"`
	Scenario Scenario          `json:"scenario"`
	Feature  *Feature          `json:"feature,omitempty"` // that the scenario stands in; nil: none, or an older version stored it
	Start    time.Time         `json:"start"`             // wall clock
	LengthNS int64             `json:"length_ns"`
	FromNS   int64             `json:"measured_from_ns"`
	ToNS     int64             `json:"measured_to_ns"`
	Virtual  bool              `json:"virtual_time"`
	Requests int               `json:"requests"` // in all, warm-up included
	Tool     Tool              `json:"tool"`
	Server   Server            `json:"server"`
	Other    *Server           `json:"other_server,omitempty"` // that Server was compared with, run by run
	Host     Host              `json:"host"`
	Imported *harness.Imported `json:"imported,omitempty"` // nil where we measured it
	Warnings []harness.Warning `json:"warnings"`
	// Unwatched is why nothing could be read of a source, "gpu" say.
	Unwatched map[string]string `json:"unwatched,omitempty"`
	// Unread is why the last of a source's missing readings did not come.
	Unread map[string]string `json:"unread,omitempty"`

	Agreement []harness.Agreement `json:"agreement,omitempty"` // of client and server
	Stopped   harness.Stop        `json:"stopped,omitzero"`    // why the load ended early
	Shortfall *harness.Shortfall  `json:"shortfall,omitempty"` // what the load lacks of what was asked for
	Failure   string              `json:"failure,omitempty"`   // why the scenario failed
	Trial     *Trial              `json:"trial,omitempty"`     // what the run is, where it is one of several of a scenario
	Trials    []string            `json:"trials,omitempty"`    // the runs of the group that this is; it has no requests of its own
	Judged    []Asked             `json:"judged"`              // what verdicts.json answers, in its order; until the end of a run what is to be. Older files have none
}

// An Asked is rows of expectations that were judged together: those of one sentence.
type Asked struct {
	Kind     AskedKind           `json:"kind"`
	Rows     []harness.Objective `json:"rows"`
	Baseline string              `json:"baseline,omitempty"` // its name
	File     string              `json:"file,omitempty"`     // in the run's folder: the runs of the baseline
	Unpaired bool                `json:"unpaired,omitempty"` // they are of several times, and have no pairs among these
}

// An AskedKind says what rows are held against.
type AskedKind string

// The kinds.
const (
	AskedObjectives AskedKind = "objectives"      // limits, of figures of the run, or of each point of a sweep
	AskedAgreement  AskedKind = "agreement"       // the server's own count
	AskedBaseline   AskedKind = "baseline"        // runs of another time
	AskedOther      AskedKind = "other server"    // runs on a second server
	AskedCapacity   AskedKind = "search's answer" // one row, whose limit the answer is to reach
)

// A Trial is one of several runs of a scenario: a repeat, a point of a sweep, a
// probe of a search.
type Trial struct {
	Of         string  `json:"of"`   // the run group that it is one of
	Kind       string  `json:"kind"` // repeat, point, probe
	Number     int     `json:"number"`
	Planned    int     `json:"planned,omitempty"` // how many there should be; 0: not known beforehand
	Setting    float64 `json:"setting,omitempty"` // requests per second, or users, where they differ in it
	Scale      string  `json:"scale,omitempty"`   // of Setting
	SeedPolicy string  `json:"seed_policy"`
}

// Scenario is the scenario as plain data.
type Scenario struct {
	Name        string               `json:"name"`
	Where       string               `json:"where"`
	Sentences   []string             `json:"sentences,omitempty"` // with the rows of their tables
	Seed        uint64               `json:"seed"`
	Dataset     string               `json:"dataset"`
	Load        string               `json:"load"`
	Interface   *harness.Interface   `json:"interface,omitempty"` // nil: completions and chats, streamed
	WarmupNS    int64                `json:"warmup_ns"`
	Good        []harness.Objective  `json:"good"`
	Objectives  []harness.Objective  `json:"objectives"`
	Labels      map[string]string    `json:"labels"`
	InFlight    int                  `json:"in_flight_bound,omitempty"` // requests wait for a slot where there is one
	Cache       *harness.Cache       `json:"cache,omitempty"`           // what was to be in the prefix cache
	Leftovers   bool                 `json:"leftovers,omitempty"`       // what earlier runs left in the prefix cache was used
	Abandonment *harness.Abandonment `json:"given_up,omitempty"`        // users who leave

	// LoadData and DatasetData are Load and Dataset as data: what judging the run again
	// rests on. Files of older versions have none.
	LoadData    *Load           `json:"load_data,omitempty"`
	DatasetData json.RawMessage `json:"dataset_data,omitempty"`
}

// A Feature is what of a feature file says which runs are of one scenario.
type Feature struct {
	Title string `json:"title,omitempty"`
	ID    string `json:"id,omitempty"` // NAME of the scenario's tag @id:NAME
}

// Tool is what measured, or read what another tool had measured, and judged.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"` // of the features' repository; "-dirty" where they were changed since
	Branch  string `json:"branch,omitempty"` // that the commit was on
	Go      string `json:"go"`
}

// Server is what was measured; its URL is without credentials. What it does not
// tell of itself is left out.
type Server struct {
	Kind        string `json:"kind"`
	Origin      Origin `json:"origin,omitempty"`
	Simulated   bool   `json:"simulated"`          // the mock, wherever it ran
	Hardware    string `json:"hardware,omitempty"` // that a mock of our own stands for
	URL         string `json:"url"`
	Model       string `json:"model"`
	Version     string `json:"version,omitempty"`
	MaxModelLen int    `json:"max_model_len,omitempty"`

	// Software is what serves the model. The mock, and runs of older versions, which took all for vLLM, have none.
	Software servers.Kind `json:"software,omitempty"`

	CacheSalt harness.Salting `json:"cache_salt,omitempty"` // "refused", "ignored" or "unused"; then prompts differ in their beginnings

	Card        json.RawMessage   `json:"card,omitempty"`         // of the model, as /v1/models has it
	Config      json.RawMessage   `json:"config,omitempty"`       // as /server_info has it, in development mode
	Command     []string          `json:"command,omitempty"`      // that started it, where that was us
	CacheConfig map[string]string `json:"cache_config,omitempty"` // labels of vllm:cache_config_info
	GPUs        []GPU             `json:"gpus,omitempty"`
}

// An Origin is where a server came from.
type Origin string

// The origins. Runs that were stored before there were any have none.
const (
	AtURL       Origin = "url"       // it was there already
	OfCommand   Origin = "command"   // that was started for the tests
	OfContainer Origin = "container" // likewise
	OfMock      Origin = "mock"      // a mock of our own, in virtual time or over TCP
)

// Simulated reports whether a mock was measured, or was one of two servers that were
// compared. Of runs from before servers had such a field their clock and label tell:
// only the mock runs in virtual time.
func (m Manifest) Simulated() bool {
	labelled := m.Server.Origin == "" && (m.Virtual || strings.HasPrefix(m.Scenario.Labels["server"], "mock"))
	return m.Server.Simulated || labelled || m.Other != nil && m.Other.Simulated
}

// GPU is what of one does not change while a run goes on. What is not reported is "" or 0.
type GPU struct {
	Index       string  `json:"index"` // as nvidia-smi counts them
	Model       string  `json:"model,omitempty"`
	UUID        string  `json:"uuid,omitempty"`
	Driver      string  `json:"driver,omitempty"`
	MemoryBytes float64 `json:"memory_bytes,omitempty"`
	PowerLimit  float64 `json:"power_limit_watts,omitempty"`
	SMClock     float64 `json:"max_sm_clock_hertz,omitempty"`
	MemoryClock float64 `json:"max_memory_clock_hertz,omitempty"`
	ECC         string  `json:"ecc,omitempty"` // "on", "off"
	MIG         bool    `json:"mig,omitempty"` // split into instances, of which a server has some
	Instances   int     `json:"mig_instances,omitempty"`
}

// Host is the machine that the client ran on.
type Host struct {
	Name        string  `json:"name"`
	OS          string  `json:"os"`
	Arch        string  `json:"arch"`
	Cores       int     `json:"cores"`
	Kernel      string  `json:"kernel,omitempty"`
	CPU         string  `json:"cpu,omitempty"` // as it calls itself
	MemoryBytes float64 `json:"memory_bytes,omitempty"`
	CPULimit    float64 `json:"cpu_limit_cores,omitempty"`    // that the client may use
	MemoryLimit float64 `json:"memory_limit_bytes,omitempty"` // of its container; 0: none
}

// module is the one that has a version.
const module = "github.com/vllmspec/vllmspec"

// Version of vllmspec as it was built, in this module or in one that needs it: "v0.3.0", or the commit that it
// was built from, or "devel" where neither is known.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return devel
	}
	return versionOf(info)
}

// devel is the version of what was built from files alone.
const devel = "devel"

// versionOf is the version of vllmspec in a program.
func versionOf(info *debug.BuildInfo) string {
	for _, of := range append(info.Deps, &info.Main) {
		if of.Path == module && of.Replace == nil && of.Version != "" && of.Version != "(devel)" {
			return of.Version
		}
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && info.Main.Path == module {
			return devel + " " + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return devel
}

// NewManifest is the manifest of a run: everything that the run itself knows.
func NewManifest(name string, run *harness.Run) Manifest {
	s := run.Scenario
	host, _ := os.Hostname()
	m := Manifest{
		Run: name, Start: run.Start, LengthNS: int64(run.Length), FromNS: int64(run.From), ToNS: int64(run.To), Virtual: run.Virtual,
		Scenario: Scenario{Name: s.Name, Where: s.Where, Sentences: s.Sentences, Seed: s.Seed, Dataset: fmt.Sprint(s.Dataset), Load: fmt.Sprint(s.Load),
			WarmupNS: int64(s.Warmup), Good: s.Good, Objectives: s.Objectives, Labels: s.Labels, LoadData: loadData(s.Load), DatasetData: datasetData(s.Dataset)},
		Tool:     Tool{Version: Version(), Go: runtime.Version()},
		Host:     Host{Name: host, OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(), Kernel: kernel(), CPU: cpuName("/proc/cpuinfo")},
		Requests: run.Requests, Warnings: run.Warnings, Stopped: run.Stopped, Shortfall: run.Shortfall, Imported: run.Imported, Unwatched: run.Unwatched, Unread: run.Unread,
	}
	if open, ok := s.Load.(harness.Open); ok {
		m.Scenario.InFlight = open.InFlight
	}
	if s.Interface != (harness.Interface{}) {
		m.Scenario.Interface = &s.Interface
	}
	m.Scenario.Leftovers, m.Server.CacheSalt = s.Leftovers, run.Salting
	if m.Scenario.Cache = s.Cache; s.Abandonment.Share > 0 {
		m.Scenario.Abandonment = &s.Abandonment
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				m.Tool.Commit = setting.Value
			}
		}
	}
	return m
}
