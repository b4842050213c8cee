// Package measure measures a run once. A [Window] holds what of its requests is judged, and what was
// sampled beside them, as counts, sums and order statistics; [Window.Estimate] is the value of a
// metric in it, with the interval in which the true one lies. Windows of several runs are measured as
// one with [Pool], and a run that goes on with [SoFar]. What a value means for an objective package
// slo says.
package measure
