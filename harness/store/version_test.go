package store

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVersion_isThatOfThisModule(t *testing.T) {
	of := func(main, version string, deps ...*debug.Module) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Path: main, Version: version}, Deps: deps,
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef0123"}}}
	}
	own := "example.com/own"
	for want, info := range map[string]*debug.BuildInfo{
		"v0.3.0":             of(module, "v0.3.0"),
		"devel 0123456789ab": of(module, "(devel)"),
		"v0.2.0":             of(own, "v9.9.9", &debug.Module{Path: module, Version: "v0.2.0"}),
		"devel":              of(own, "v9.9.9", &debug.Module{Path: module, Version: "v0.2.0", Replace: &debug.Module{Path: "../vllmspec"}}),
	} {
		assert.Equal(t, want, versionOf(info))
	}
	assert.Equal(t, "devel", versionOf(of(own, "v9.9.9")), "it is not in the program")
}
