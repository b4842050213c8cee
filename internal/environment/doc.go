// Package environment reads the environment variables: where the server under test is and with
// what credentials it is asked, where features are and where runs go. It checks all of them before
// anything runs, and says "did you mean" of a name that is nearly one of ours. What is measured
// stands in the features.
package environment
