package store

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// numbers are a list in a row. A spool is written at every request's end and holds
// as many of them as tokens came: there they are the differences between one and
// the next, as varints in base64, which costs a tenth of decimal digits.
type numbers []int64

// MarshalJSON is the list for the spool.
func (n numbers) MarshalJSON() ([]byte, error) {
	raw := make([]byte, 0, 5*len(n))
	before := int64(0)
	for _, v := range n {
		raw = binary.AppendVarint(raw, v-before)
		before = v
	}
	out := make([]byte, 0, base64.StdEncoding.EncodedLen(len(raw))+2)
	return append(base64.StdEncoding.AppendEncode(append(out, '"'), raw), '"'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (n *numbers) UnmarshalJSON(text []byte) error {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return errors.New("a list of numbers is a text in the spool")
	}
	raw, err := base64.StdEncoding.DecodeString(string(text[1 : len(text)-1]))
	if err != nil {
		return err
	}
	*n = (*n)[:0]
	for before := int64(0); len(raw) > 0; {
		step, length := binary.Varint(raw)
		if length <= 0 {
			return errors.New("a list of numbers in the spool is cut off")
		}
		before, raw = before+step, raw[length:]
		*n = append(*n, before)
	}
	return nil
}
