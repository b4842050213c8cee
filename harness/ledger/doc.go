// Package ledger keeps both sides of an agreement: what the client counted of a run, and by how much
// the server's own counters rose meanwhile. It holds the one rule by which counters are read, and
// tells from them whether the server's figures are those of this load and of all of the server.
package ledger
