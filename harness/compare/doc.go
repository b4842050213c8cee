// Package compare holds runs against others: those of a baseline, or of another server. The unit
// is the run, not the request, and every row has an interval and a rank test behind it. [Drifts]
// finds the runs of a history at which a figure changed.
package compare
