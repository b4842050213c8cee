package suite

import (
	"os"
	"path/filepath"
	"strings"
)

// neverCached keeps go test from answering with this result later. go test keeps a result together with what the
// test looked at below its module, and runs the test again where that has changed. So the test looks at what
// is another thing at the next go test: the folder that it runs in, which go test makes anew each time, and a file of the
// process that asks. Both are named as if they were below the module ("/module/../../proc/…"), since others do not
// count; nothing is written for it, so the module may be read-only.
func neverCached(module string) {
	up := strings.Repeat(".."+string(filepath.Separator), 64) // more than there are folders: / has no parent
	changing := []string{"/proc/self/stat"}
	if binary, err := os.Executable(); err == nil {
		changing = append(changing, filepath.Dir(binary))
	}
	for _, path := range changing {
		path = strings.TrimPrefix(path, filepath.VolumeName(path))
		os.Stat(module + string(filepath.Separator) + up + strings.TrimLeft(path, `/\`)) // that it looks is all
	}
}
