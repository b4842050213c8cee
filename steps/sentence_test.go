package steps

import (
	"context"
	"reflect"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
)

func TestSentence_canBeCalledWithItsGroups(t *testing.T) {
	w := &world{}
	for _, s := range newVocabulary() {
		args := make([]string, s.matches.NumSubexp())
		arguments, err := said{sentence: &s, args: args, table: &godog.Table{}}.arguments(reflect.TypeOf(s.do), w.parts(context.Background(), said{}))
		if !assert.NoError(t, err) {
			continue
		}
		of := reflect.TypeOf(s.do)
		assert.Len(t, arguments, of.NumIn(), s.pattern)
		for i, argument := range arguments {
			assert.True(t, argument.Type().AssignableTo(of.In(i)), "%s: %v is given as %v", s.pattern, of.In(i), argument.Type())
		}
		if of.NumOut() > 0 {
			assert.Equal(t, reflect.TypeFor[error](), of.Out(0), s.pattern)
		}
		assert.Equal(t, s.rows != nil, len(s.ofTable()) > 0 && s.ofTable()[0] != reflect.TypeFor[*godog.Table](), "%s: rows and []harness.Objective go together", s.pattern)
		assert.True(t, s.judges == "" || s.rows != nil || s.ahead != nil || s.judges == abandonment, "%s judges nothing that is known before the load", s.pattern)
		assert.True(t, !s.late || s.rows != nil, "%s has no rows to be judged late", s.pattern)
	}
}
