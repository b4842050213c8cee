package a

import "testing"

func TestSomething(t *testing.T) { t.Parallel() }

func Example() {}
