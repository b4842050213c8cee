package store

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fill gives each field of a row a value of its own.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		field, n := v.Field(i), int64(1_000_000-7*i)
		switch to := field.Addr().Interface().(type) {
		case *string:
			*to = fmt.Sprint("text ", i)
		case *int64:
			*to = n
		case **int64:
			*to = &n
		case **string:
			s := fmt.Sprint("text ", i)
			*to = &s
		case *[]int64:
			*to = []int64{n, n + 3, -n, 1 << 60, -1 << 62}
		case *bool:
			*to = true
		case *float64:
			*to = -.1
		case *map[string]string:
			*to = map[string]string{"a": "1", "b": ""}
		default:
			t.Fatalf("no test for %s", field.Type())
		}
	}
}

func TestPack_everyFieldOfARow(t *testing.T) {
	var full, none, full2, none2 row
	fill(t, reflect.ValueOf(&full).Elem())
	var sample, sample2 reading
	fill(t, reflect.ValueOf(&sample).Elem())
	none.ChunkNS, none.ChunkTokens = []int64{}, []int64{}
	var data []byte
	for _, r := range []packed{&full, &none, &sample} {
		data = appendPacked(data, new(packer), r)
	}
	rest := data
	for _, r := range []packed{&full2, &none2, &sample2} {
		var there, wrong bool
		rest, there, wrong = nextPacked(rest, r)
		require.True(t, there && !wrong)
	}
	assert.Empty(t, rest)
	assert.Equal(t, []any{full, none, sample}, []any{full2, none2, sample2})
}

func TestPack_cutOffIsNotThereAndDifferentIsWrong(t *testing.T) {
	var full row
	fill(t, reflect.ValueOf(&full).Elem())
	data := appendPacked(nil, new(packer), &full)
	for end := range data {
		_, there, wrong := nextPacked(data[:end], new(row))
		require.False(t, there || wrong, "%d bytes of %d", end, len(data))
	}
	for _, other := range [][]byte{{0}, {1, 0}, {3, 200, 1, 65}, append([]byte{byte(len(data)), 1}, make([]byte, 300)...)} {
		_, there, wrong := nextPacked(other, new(row))
		assert.True(t, there && wrong, "%v", other)
	}
	_, _, wrong := nextPacked([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), new(row))
	assert.True(t, wrong, "no length is so long")
}

func FuzzUnpack(f *testing.F) {
	f.Add(appendPacked(nil, new(packer), new(row)))
	f.Add([]byte{9, 1, 65, 0, 0, 2, 2, 2, 2, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		var r, again row
		_, there, wrong := nextPacked(data, &r)
		if !there || wrong {
			return
		}
		_, there, wrong = nextPacked(appendPacked(nil, new(packer), &r), &again)
		if !there || wrong || !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v became %+v", r, again)
		}
	})
}
