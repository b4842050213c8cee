// Package quantity reads and writes numbers with units: "500 ms", "7.9 per second", "2,417
// requests". It is the one grammar for limits in tables and for figures in verdicts, reports
// and terminals.
package quantity
