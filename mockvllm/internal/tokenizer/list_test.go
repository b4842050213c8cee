package tokenizer

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReadList_isWhatJSONReads(t *testing.T) {
	for raw, reads := range map[string]bool{
		"[1]": true, "[0,10, 128000]": true, "[\n1 ,\t999999999\r\n]": true,
		"[]": false, "[": false, "[1": false, "[1,": false, "[1,]": false, "[,1]": false, "[1 2]": false, "[01]": false, "[-1]": false,
		"[1.0]": false, "[1e3]": false, "[9999999999]": false, "[1]]": false, "[[1]]": false, `["1"]`: false, "1": false, "": false, "[null]": false,
	} {
		tokens, ok := ReadList([]byte(raw))
		assert.Equal(t, reads, ok, raw)
		var want []Token
		if err := json.Unmarshal([]byte(raw), &want); ok {
			assert.NoError(t, err, raw)
			assert.Equal(t, want, tokens, raw)
		}
	}
}
