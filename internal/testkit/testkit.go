// Package testkit holds what tests and the benchmark talk to: a receiver of
// webhooks that answers by script, well or badly, a proxy that breaks
// connections on command, and forward proxies. Everything listens on loopback
// and is bounded. Nothing in it imports package testing, so that the benchmark
// can use it; nothing in the server may import it. What needs package testing or
// the engine is in rig and golden below.
package testkit

// TB is the part of testing.TB that is used here.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}
