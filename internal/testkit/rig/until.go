package rig

import (
	"testing"
	"time"
)

// Patience is how long anything may take that ought to come, on a busy machine.
const Patience = time.Minute

// Until reads again and again until what it reads is good, and returns that. what says
// in the error what was waited for.
func Until[T any](t testing.TB, what string, read func() T, good func(T) bool) T {
	t.Helper()
	deadline := time.After(Patience)
	for {
		got := read()
		if good(got) {
			return got
		}
		select {
		case <-deadline:
			t.Fatalf("%s never came to what it ought to be: %v", what, got)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Await asks again and again until something is so.
func Await(t testing.TB, what string, so func() bool) {
	t.Helper()
	Until(t, what, so, func(is bool) bool { return is })
}
