// Package chart holds what the charts of a page draw. A [Drawing] takes a run record by record
// and keeps a bounded part of it; its [Data] is the block from which the page's script draws.
// A [Plot] and a [Bar] are small charts that need no script.
package chart
