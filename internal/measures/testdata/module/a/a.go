// Package a is counted by a test.
package a

// T is a type.
type T[V any] struct {
	first, second V
	third         int
}

// Get is a method.
func (t T[V]) Get() V { return t.first }

// Set is a method.
func (t *T[V]) Set(v V) { t.first = v }

func flat(yes, no bool) bool { return yes }

func branched(n int) int {
	for range n {
		if n > 1 && n < 5 {
			n++
		}
	}
	switch n {
	case 1, 2:
		n++
	}
	return n
}
