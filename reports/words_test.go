package reports

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCommit_isShortened(t *testing.T) {
	for commit, want := range map[string]string{"": "", "9a99821": "9a99821", strings.Repeat("0123456789", 4): "012345678901", strings.Repeat("0123456789", 4) + "-dirty": "012345678901-dirty"} {
		assert.Equal(t, want, shortCommit(commit))
	}
}
