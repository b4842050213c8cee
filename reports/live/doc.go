// Package live shows a run while it goes on: to browsers, as the page that the saved
// report is the last frame of, and to a person at a terminal, in one line. What is
// shown is made beside the run, of a bounded part of it: no viewer, and be
// they slow or many, takes anything from it.
package live
