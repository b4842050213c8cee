// Package ci writes what CI systems read of the last go test: junit.xml, cucumber.json, summary.md and
// badge.svg, beside the runs. Several test processes of one go test, and what gotestsum runs again,
// share these files: each adds its own scenarios, and the last one to end writes them.
package ci
