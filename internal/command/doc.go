// Package command is what the subcommands of vllmspec have in common: how each is described, called
// and ended. cmd/vllmspec has the table of them; the packages below this one are the subcommands.
package command
