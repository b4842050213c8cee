package arrival_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/arrival"
)

func TestHeldUp_isLateOnceAndChangesNoInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := arrival.HeldUp{Arrivals: arrival.Even{PerSecond: 1}, For: 5 * time.Second, After: 2 * time.Second}
		began, n := time.Now(), 0
		for due := range held.Times(nil) {
			assert.Equal(t, time.Duration(n)*time.Second, due)
			if n++; n == 10 {
				break
			}
			time.Sleep(max(0, due-time.Since(began))) // as the runner does, which waits until a request is due
		}
		assert.Equal(t, 8*time.Second, time.Since(began), "it is held up before 3 s, and has made good for it by 8 s")
	})
}

func TestHeldUp_isTheProcessOtherwise(t *testing.T) {
	held := arrival.HeldUp{Arrivals: arrival.Even{PerSecond: 1}, For: 5 * time.Second, After: 2 * time.Second}
	assert.Equal(t, "evenly at 4 per second; our client held up for 5s after 2s", fmt.Sprint(held.At(4)))
	assert.Equal(t, 4.0, held.At(4).Rate())
	_, _, ends := held.Ends()
	assert.False(t, ends)
	held.Arrivals = arrival.Staged{Stages: []arrival.Stage{{For: time.Minute, From: 2}}}
	requests, after, ends := held.Ends()
	assert.True(t, ends)
	assert.Equal(t, 60, requests)
	assert.Equal(t, time.Minute, after)
}
