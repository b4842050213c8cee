// Package hash is the one source of what looks random in the mock: hashes and
// draws that depend on their seeds only, so that two runs of one scenario agree.
package hash

// The constants of FNV-1a, 64 bits.
const (
	Offset uint64 = 14695981039346656037 // the hash of nothing
	prime  uint64 = 1099511628211
)

// FNV continues a hash with data.
func FNV[T string | []byte](h uint64, data T) uint64 {
	for i := range len(data) {
		h = (h ^ uint64(data[i])) * prime
	}
	return h
}

// Token continues a hash with a token.
func Token(h uint64, v int32) uint64 {
	for range 4 {
		h = (h ^ uint64(v&0xff)) * prime
		v >>= 8
	}
	return h
}

// Chance is a number in [0, 1) that depends on its seeds only: the finalizer of
// splitmix64 over their sum.
func Chance(seeds ...uint64) float64 {
	z := uint64(0)
	for _, s := range seeds {
		z = (z ^ s) + 0x9e3779b97f4a7c15
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb
		z ^= z >> 31
	}
	return float64(z>>11) / (1 << 53)
}
