// Package version says which version of vllmspec this is.
package version

import (
	"fmt"
	"runtime"

	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/command"
)

// Command prints the version, as the manifest of a run has it.
func Command() command.Command {
	return command.Command{Name: "version", Does: "prints the version", Example: "vllmspec version",
		Run: func(call *command.Call) error {
			others, err := call.Flags().Read()
			if err != nil {
				return err
			}
			if others != nil {
				return command.Mistakef("it takes no arguments, and %q is one", others[0])
			}
			fmt.Fprintf(call.Out, "vllmspec %s, %s, %s/%s\n", store.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		}}
}
