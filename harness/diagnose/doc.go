// Package diagnose says why an objective was not met. It splits each request's time into phases
// (client, network, front end, queue, prefill, decode, stall), contrasts the requests that were
// too slow with the others, and holds both against what the server's metrics showed at that time.
package diagnose
