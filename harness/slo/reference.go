package slo

import "github.com/vllmspec/vllmspec/harness/quantity"

// A Reference is what a comparison holds runs against.
type Reference int

// The references.
const (
	NoReference     Reference = iota // it is no comparison
	AgainstBaseline                  // runs of an earlier time
	AgainstOther                     // runs on a second server
)

// Unit is that of the ratio to the reference.
func (r Reference) Unit() quantity.Unit {
	switch r {
	case AgainstBaseline:
		return quantity.OfBaseline
	case AgainstOther:
		return quantity.OfOther
	}
	return ""
}

// storedReference is the reference of a verdict in a file, which has its unit only.
func storedReference(u quantity.Unit) Reference {
	for _, r := range []Reference{AgainstBaseline, AgainstOther} {
		if r.Unit() == u {
			return r
		}
	}
	return NoReference
}
