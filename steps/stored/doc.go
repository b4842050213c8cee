// Package stored holds no code, only the test that runs every feature of this
// repository once: what is stored of each run gives its verdicts again, and they are
// those of testdata/verdicts.txt.
package stored
