// Package timer wakes up when a request is due, to within microseconds, where the system has
// something better for that than Go's own timers.
package timer
