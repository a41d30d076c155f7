package telemetry

import "runtime/debug"

// Version returns what this binary was built from: the module's version where it
// has one, "devel" otherwise.
func Version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return "devel"
}
