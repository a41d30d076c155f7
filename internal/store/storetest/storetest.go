// Package storetest is the conformance suite of the seam in package store: every
// database must pass it, and what it does not test is not promised. It tests
// through the seam alone; what only one database has (its files, its network, its
// configuration) is tested beside that database.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/store"
)

// Opener opens a store that is empty. Crash ends that store the way a crash
// would, as well as the database allows it to be done inside one process: without
// Close, and with whatever is in flight cut off. It returns the store opened anew
// on what was left behind, and may be called repeatedly. Everything is given back
// when the test ends.
type Opener func(t *testing.T) (s store.Store, crash func() store.Store)

// Run runs the whole suite, each test on a store of its own and several at the
// same time.
func Run(t *testing.T, open Opener) {
	for _, group := range [][]test{
		accountTests(),
		credentialTests(),
		eventTypeTests(),
		endpointTests(),
		subscriptionTests(),
		registrationTests(),
		onceTests(),
		intakeTests(),
		resultTests(),
		healthTests(),
		claimTests(),
		orderedTests(),
		nodeTests(),
		eventTests(),
		attemptTests(),
		logTests(),
		replayTests(),
		changeTests(),
		upkeepTests(),
		modelTests(),
		concurrencyTests(),
		crashTests(),
	} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				c.run(newWorld(ctx, t, open))
			})
		}
	}
}

// test is one behaviour.
type test struct {
	name string
	run  func(*world)
}
