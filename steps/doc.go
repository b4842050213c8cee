// Package steps turns the sentences of feature files into experiments. Each sentence is one entry of
// a table: its pattern, what it does, the grammar of its rows, and what is known of it before
// anything runs. There is one file per concept of the domain (the target, the workload, the load, the
// objectives, the faults of the simulated server); [Vocabulary] is all of them, and vocabulary.md
// is that as a page. Package steps is the only one that knows godog.
//
// Of a scenario's tags, which may stand on its feature, its rule or its examples as
// well, three mean something here. @live needs a real server, and @gpu one whose GPUs
// can be read: elsewhere such scenarios are left out. @simulated runs on the mock in
// virtual time, whatever server the environment names; virtual time is that of a whole
// bubble, so a file that has scenarios of both clocks is run as two features.
//
//go:generate go test -run TestVocabulary_pageIsWhatTheTableSays -update .
package steps
