package mockvllm

// FNV-1a, 64 bits.
const (
	offset uint64 = 14695981039346656037
	prime  uint64 = 1099511628211
)

func fnv[T string | []byte](h uint64, data T) uint64 {
	for i := range len(data) {
		h = (h ^ uint64(data[i])) * prime
	}
	return h
}

func fnvToken(h uint64, v token) uint64 {
	for range 4 {
		h = (h ^ uint64(v&0xff)) * prime
		v >>= 8
	}
	return h
}

// chance is a number in [0, 1) that depends on its seeds only: the finalizer of
// splitmix64 over their sum.
func chance(seeds ...uint64) float64 {
	z := uint64(0)
	for _, s := range seeds {
		z = (z ^ s) + 0x9e3779b97f4a7c15
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb
		z ^= z >> 31
	}
	return float64(z>>11) / (1 << 53)
}
