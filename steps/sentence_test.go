package steps

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSentence_canBeCalledWithItsGroups(t *testing.T) {
	w := &world{}
	for _, s := range newVocabulary(nil) {
		assert.NoError(t, s.Fits(w.parts(context.Background(), said{})...))
		assert.True(t, s.Judges == "" || s.Rows != nil || s.Ahead != nil || s.Judges == abandonment, "%s judges nothing that is known before the load", s.Pattern)
	}
}
