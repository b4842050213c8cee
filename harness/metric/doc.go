// Package metric is the catalogue of metrics, as data. A metric is one row: its name, unit,
// direction and formula for the reader, and a [Source] that says how it is measured. What else
// depends on the kind of a metric follows from its source: which statistics it has, whether the
// client's lateness is part of it, what makes its values unusable, and where in the stored
// files they are. So a row cannot contradict itself.
package metric
