// Package steps turns the sentences of feature files into experiments. Each sentence is one entry of
// a table: its pattern, what it does, the grammar of its rows, and what is known of it before
// anything runs. There is one file per concept of the domain (the target, the workload, the load, the
// objectives, the faults of the simulated server); [Vocabulary] is all of them, and vocabulary.md
// is that as a page. A [Reader] checks scenarios before anything runs, and has godog carry them out.
//
//go:generate go test . -run TestVocabulary_pageIsWhatTheTableSays -update
package steps
