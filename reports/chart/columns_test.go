package chart

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestColumns_severalBrowsersMaySendForTheSameRequests(t *testing.T) {
	r := pack([]*point{{seq: 1}, {seq: 2}}, nil)
	var texts [2]string
	var all sync.WaitGroup
	for i := range texts {
		all.Go(func() {
			text, err := json.Marshal(r)
			assert.NoError(t, err)
			texts[i] = string(text)
		})
	}
	all.Wait()
	require.Equal(t, texts[0], texts[1])
	assert.Contains(t, texts[0], `{"name":"seq","kind":"u4","bytes":8}`)
	for _, c := range r.Columns {
		assert.Zero(t, c.Bytes, "writing %s changes nothing that another may read", c.Name)
	}
}
