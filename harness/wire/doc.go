// Package wire reads what servers send, whatever their interface: server-sent events as their pieces
// come, JSON within bounds, and what an error says went wrong, in any of the shapes there are. Each
// interface has a package of its own, such as [github.com/vllmspec/vllmspec/harness/openai].
package wire
