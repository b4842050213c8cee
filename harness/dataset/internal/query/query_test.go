package query

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSkeleton_findsASecondStatement(t *testing.T) {
	for text, want := range map[string]int{
		"SELECT prompt FROM asked":                                       0,
		"SELECT prompt FROM asked;\n-- the end\n":                        0,
		"SELECT ';' AS prompt":                                           0,
		"SELECT $$a;b$$ AS prompt":                                       0,
		"SELECT $q$a;b$q$ AS prompt;":                                    0,
		"SELECT 1 AS prompt;\nDROP TABLE asked":                          2,
		"SELECT 1 AS prompt$x$; PRAGMA query_only=0; ATTACH 'x.db' AS o": 1,
		"SELECT 1 AS a1$;\n\nDELETE FROM asked; SELECT '$'":              3,
	} {
		_, second := skeleton(text)
		assert.Equal(t, want, second, text)
	}
}
