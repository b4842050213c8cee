// Package runtest builds small runs for the tests of what measures and judges them.
package runtest
