package history_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/history"
)

// An overtaken is a history that another process enters a run in, just before it is asked what it knows.
type overtaken struct {
	history.History
	before func()
}

func (o overtaken) Known(ctx context.Context, location string) (map[string]bool, error) {
	o.before()
	return o.History.Known(ctx, location)
}

func TestCatchUp_keepsWhatAnotherProcessEnters(t *testing.T) {
	root := t.TempDir()
	storedRuns(t, root, 0, 1, nil)
	h, err := history.InMemory(context.Background())
	require.NoError(t, err)
	defer h.Close()
	f := history.Folder{Path: root, Location: history.Here, Forget: true}
	caughtUp(t, overtaken{h, func() {
		storedRuns(t, root, 1, 2, nil)
		caughtUp(t, h, f)
	}}, f)
	assert.Len(t, found(t, h, history.Query{}), 2)
}
