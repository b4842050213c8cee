// Package suite runs feature files: it finds them, checks that each can be read, chooses the scenarios that are
// to be run here, and has package steps carry them out. It shows what happens on a terminal and on the live page,
// tells CI systems of the results, and ends in time when a signal comes.
//
// Of a scenario's tags, which may stand on its feature, its rule or its examples as
// well, three mean something here. @live needs a real server, and @gpu one whose GPUs
// can be read: elsewhere such scenarios are left out. @simulated runs on the mock in
// virtual time, whatever server the environment names; virtual time is that of a whole
// bubble, so a file that has scenarios of both clocks is run as two features.
package suite
