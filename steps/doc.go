// Package steps turns the sentences of feature files into harness scenarios.
// There is one file per concept of the domain: the target, the workload, the
// load, the measurement, the run, the objectives, the simulated server's
// faults. It is the only package that knows godog; sentences are registered
// with literal patterns in function bodies, because that is what editors read.
//
//go:generate go test -run TestTheVocabularyIsWhatIsRegistered -update .
package steps
