// Package fleet keeps the engines of a fleet apart: the replicas that are asked in turn, or those behind a gateway
// that names the one which answered. It has what was asked of each, what each one's metrics showed, and whether one
// of them has more than its share of the slow requests.
package fleet
