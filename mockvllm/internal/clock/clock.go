// Package clock is time on a server that takes so many times less long than the
// real one for everything.
package clock

import "time"

// Scaled is how long something takes on a clock that runs faster.
func Scaled(d time.Duration, scale float64) time.Duration {
	if scale == 1 {
		return d
	}
	return time.Duration(float64(d) / scale)
}
