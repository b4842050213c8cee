package main

import (
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A bill is what a CycloneDX document says of a binary, as far as it is read here.
type bill struct {
	BOMFormat  string
	Components []struct {
		Name, Version string
		Licenses      []struct{ License struct{ ID, Name string } }
		Evidence      struct {
			Licenses []struct{ License struct{ ID, Name string } }
		}
	}
}

// licences are those of each component, by name and version.
func (b bill) licences() map[string][]string {
	all := map[string][]string{}
	for _, of := range b.Components {
		name := of.Name + " " + of.Version
		all[name] = []string{}
		for _, found := range append(of.Licenses, of.Evidence.Licenses...) {
			all[name] = append(all[name], found.License.ID+found.License.Name)
		}
	}
	return all
}

// TestImage_hasABillOfItsMaterials holds what make image made: binaries for the CPUs that they are named for, and beside each a
// bill of the modules in it, with their licences.
func TestImage_hasABillOfItsMaterials(t *testing.T) {
	binaries, err := filepath.Glob("../../.cache/image/linux-*/root/vllmspec")
	require.NoError(t, err)
	if binaries == nil {
		t.Skip("no image has been built here: make image")
	}
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for _, binary := range binaries {
		file, err := elf.Open(binary)
		require.NoError(t, err)
		_, platform, _ := strings.Cut(filepath.Base(filepath.Dir(filepath.Dir(binary))), "linux-")
		assert.Equal(t, machines[platform], file.Machine, platform)
		require.NoError(t, file.Close())

		info, err := buildinfo.ReadFile(binary)
		require.NoError(t, err)
		raw, err := os.ReadFile(binary + ".cdx.json")
		require.NoError(t, err)
		var listed bill
		require.NoError(t, json.Unmarshal(raw, &listed))
		assert.Equal(t, "CycloneDX", listed.BOMFormat)
		licences := listed.licences()
		require.NotEmpty(t, info.Deps)
		for _, module := range info.Deps {
			assert.NotEmpty(t, licences[module.Path+" "+module.Version], "%s: the bill has no licence of %s %s", platform, module.Path, module.Version)
		}
		assert.Contains(t, licences, "std "+info.GoVersion, "%s: Go's own packages are in it too", platform)
	}
}
