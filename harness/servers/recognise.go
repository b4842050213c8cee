package servers

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// Seen is what a server showed of itself when it was asked for its models.
type Seen struct {
	Host   string      // that was asked
	Header http.Header // of the answer
	Owners []string    // owned_by of the models listed
}

// Recognise is the software that a server is, by what it showed: where it is, whose it calls its models, what its
// answers carry. That of [Unknown]: it showed nothing.
func Recognise(seen Seen) Software {
	for _, shows := range []func(Marks) bool{seen.atHost, seen.owns, seen.carries} {
		for _, s := range All() {
			if shows(s.Marks) {
				return s
			}
		}
	}
	return unknown()
}

func (s Seen) atHost(m Marks) bool {
	return slices.ContainsFunc(m.Hosts, func(pattern string) bool {
		matches, _ := path.Match(pattern, strings.ToLower(s.Host)) // the patterns are our own
		return matches
	})
}

func (s Seen) owns(m Marks) bool {
	return slices.ContainsFunc(m.Owners, func(owner string) bool { return slices.Contains(s.Owners, owner) })
}

func (s Seen) carries(m Marks) bool {
	return slices.ContainsFunc(m.Headers, func(mark Mark) bool {
		value := s.Header.Get(mark.Name)
		return value != "" && strings.HasPrefix(value, mark.Begins)
	})
}

// Probed are the rows that a question of their own finds out, where nothing else does.
func Probed() []Software {
	return slices.DeleteFunc(All(), func(s Software) bool { return s.Marks.Probe.Path == "" })
}
