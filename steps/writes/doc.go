// Package writes holds no code, only the tests that take disks and processes away from runs: every
// operation of a run on its disk fails once, disks fill, and processes are killed. What was measured is
// there afterwards, and nothing is called met that is not stored whole.
package writes
