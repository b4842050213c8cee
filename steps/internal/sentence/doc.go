// Package sentence is how sentences of feature files are read: an [Entry] says what one sentence looks like and
// does, a [Vocabulary] finds the entry that reads a step, and says what was probably meant where none does. Which
// sentences there are is for its user to say.
package sentence
