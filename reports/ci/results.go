package ci

import (
	"encoding/json"
	"slices"
)

// resultNames are the files that CI systems read of the last go test.
func resultNames() []string {
	return []string{"junit.xml", "cucumber.json", "summary.md", "badge.svg"}
}

// keptResults is the file in the output folder from which those are written: what is known of
// a session so far, and of those that ran beside it. Each test process adds to it what it ran.
const keptResults = ".results.json"

type results struct {
	Session   string          `json:"session"`
	Began     int             `json:"began"`   // by the count of all that began and ended
	Ended     int             `json:"ended"`   // likewise; 0: it has not
	Running   []Session       `json:"running"` // that have begun and not ended
	Scenarios []keptScenario  `json:"told"`
	Left      []keptLeft      `json:"left_out"`
	Refused   []keptRefusal   `json:"refused"`
	Files     []keptCucumbers `json:"cucumber"`
}

// What is kept is kept with the go test that it comes from: one that is run again later in the session takes
// the place of the earlier one.
type (
	keptScenario struct {
		Start string `json:"start"`
		ScenarioResult
	}
	keptLeft struct {
		Start string `json:"start"`
		LeftOut
	}
	keptRefusal struct {
		Start string `json:"start"`
		Refusal
	}
	keptCucumbers struct {
		Start   string          `json:"start"`
		Feature CucumberFeature `json:"feature"`
	}
)

// A CucumberFeature is a feature of cucumber.json. Only what tells its scenarios apart is read.
type CucumberFeature map[string]json.RawMessage

// end says that the process runs no tests any more. Those of an earlier go test have ended, or
// were killed.
func (r *results) end(s Session) {
	r.Running = slices.DeleteFunc(r.Running, func(other Session) bool { return other.Start != s.Start || other.Process == s.Process })
}

// all are the results as the files tell them.
func (r *results) all() (all Results) {
	for _, t := range r.Scenarios {
		all.Scenarios = append(all.Scenarios, t.ScenarioResult)
	}
	for _, l := range r.Left {
		all.Left = append(all.Left, l.LeftOut)
	}
	for _, refused := range r.Refused {
		all.Refused = append(all.Refused, refused.Refusal)
	}
	return all
}

// add adds what a process ran. A scenario that an earlier go test of the session ran takes the place of that one,
// of one that did not pass first; within one go test each repetition counts.
func (r *results) add(s Session, ran Results, cucumber []CucumberFeature) {
	for _, t := range ran.Scenarios {
		added := keptScenario{s.Start, t.Brief()}
		if at := r.earlier(added); at >= 0 {
			old := r.Scenarios[at]
			added.Tries = append(old.Tries, Try{Began: old.Began, Headline: old.Headline, Passed: old.Passed})
			r.Scenarios[at] = added
			continue
		}
		r.Scenarios = append(r.Scenarios, added)
	}
	for _, l := range ran.Left {
		if !slices.ContainsFunc(r.Left, func(old keptLeft) bool { return old.Path == l.Path && old.Row == l.Row }) {
			r.Left = append(r.Left, keptLeft{s.Start, l})
		}
	}
	r.Refused = slices.DeleteFunc(r.Refused, func(old keptRefusal) bool { return old.Start != s.Start })
	for _, refused := range ran.Refused {
		if !slices.Contains(r.Refused, keptRefusal{s.Start, refused}) {
			r.Refused = append(r.Refused, keptRefusal{s.Start, refused})
		}
	}
	for _, f := range cucumber {
		r.addCucumber(keptCucumbers{s.Start, f})
	}
}

// earlier is the place of a result that another takes the place of; -1 for none.
func (r *results) earlier(added keptScenario) int {
	same := func(old keptScenario) bool {
		return old.Start != added.Start && old.Path == added.Path && old.Row == added.Row
	}
	if at := slices.IndexFunc(r.Scenarios, func(old keptScenario) bool { return same(old) && !old.Passed }); at >= 0 {
		return at
	}
	return slices.IndexFunc(r.Scenarios, same)
}

// addCucumber adds a feature, without the scenarios of it that an earlier go test ran and
// this one ran again.
func (r *results) addCucumber(added keptCucumbers) {
	again := added.Feature.scenarios()
	for i, old := range r.Files {
		if old.Start == added.Start || string(old.Feature["uri"]) != string(added.Feature["uri"]) {
			continue
		}
		elements := slices.DeleteFunc(old.Feature.elements(), func(e cucumberElement) bool { return slices.Contains(again, e.place()) })
		raw, err := json.Marshal(elements)
		if err == nil {
			r.Files[i].Feature["elements"] = raw
		}
	}
	r.Files = slices.DeleteFunc(r.Files, func(old keptCucumbers) bool { return len(old.Feature.elements()) == 0 })
	r.Files = append(r.Files, added)
}

// A cucumberElement is a scenario of cucumber.json.
type cucumberElement map[string]json.RawMessage

func (e cucumberElement) place() string { return string(e["id"]) + string(e["line"]) }

func (f CucumberFeature) elements() (all []cucumberElement) {
	json.Unmarshal(f["elements"], &all) // one that cannot be read has none
	return all
}

func (f CucumberFeature) scenarios() (places []string) {
	for _, e := range f.elements() {
		places = append(places, e.place())
	}
	return places
}
