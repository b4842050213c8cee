package main

import (
	"maps"
	"slices"
)

func (c *code) each(of func(function) int) []int {
	var out []int
	for _, f := range c.functions {
		out = append(out, of(f))
	}
	slices.Sort(out)
	return out
}

// sizes are the lines of all files.
func (c *code) sizes() []int { return slices.Sorted(maps.Values(c.files)) }

func (c *code) mostMethods() (string, int)    { return greatest(c.methods) }
func (c *code) widestStruct() (string, int)   { return greatest(c.fields) }
func (c *code) largestPackage() (string, int) { return greatest(c.packages) }

// greatest is the entry with the greatest value; of several the first by name.
func greatest(of map[string]int) (name string, most int) {
	for _, key := range slices.Sorted(maps.Keys(of)) {
		if of[key] > most {
			name, most = key, of[key]
		}
	}
	return name, most
}

// quantile is that of sorted values, by nearest rank; 0 of none.
func quantile(sorted []int, q float64) int {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func mean(values []int) float64 {
	sum := 0
	for _, v := range values {
		sum += v
	}
	return float64(sum) / float64(max(1, len(values)))
}

// over counts the values that are greater than a limit.
func over(values []int, limit int) (n int) {
	for _, v := range values {
		if v > limit {
			n++
		}
	}
	return n
}
