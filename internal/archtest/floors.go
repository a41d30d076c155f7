package archtest

import (
	"fmt"
	"path"
	"strings"
)

// floorOf returns the floor of a package of this module. Some floors of the
// architecture are several here, where one of their packages stands on another. ok
// is false for a folder that has no floor yet.
func floorOf(dir string) (floor int, ok bool) {
	for floor, globs := range [][]string{
		{"id", "webhook"},
		{"render/*"},
		{"match", "retry", "breaker", "sign", "render"},
		{"wazo"},
		{"store", "deliver", "bus", "egress", "httpx", "telemetry", "seal", "password", "rabbit", "api/kazoo/hook*"},
		{"journal", "directory", "store/sqlstore", "wazo/auth"},
		{"control", "ingest", "dispatch", "janitor"},
		{"api/kazoo/intake"},
		{"store/sqlite", "store/postgres", "deliver/via*", "bus/from*", "api/*", "web"},
		{"config"},
		{"server"},
		{"cli/client"},
		{"cli/*"},
		{"cli"},
	} {
		for _, glob := range globs {
			if match, _ := path.Match("internal/"+glob, dir); match {
				return floor, true
			}
		}
	}
	return 0, false
}

// besides says which imports stay on one floor all the same.
func besides(from, to string) bool {
	return from == "internal/webhook" && to == "internal/id" // a noun has an id
}

// testOnly says whether a folder is there for tests and benchmarks alone.
func testOnly(dir string) bool {
	switch first, _, _ := strings.Cut(dir, "/"); first {
	case "bench", "e2e":
		return true
	}
	switch path.Base(dir) {
	case "archtest", "storetest", "delivertest", "bustest":
		return true
	}
	return dir == "internal/testkit" || strings.HasPrefix(dir, "internal/testkit/")
}

// outside says whether a folder stands beside the floors: the command, the contract,
// which is embedded as a file, the package for plug-ins, which is for everybody, and
// examples.
func outside(dir string) bool {
	return dir == "." || dir == "openapi" || dir == "plugin" || strings.HasPrefix(dir, "examples/")
}

// floors holds imports to lower floors, and code that ships to what ships.
func floors(files []*File) []string {
	var found []string
	for _, f := range files {
		floor, ok := floorOf(f.Dir)
		if !ok && !testOnly(f.Dir) && !outside(f.Dir) {
			found = append(found, fmt.Sprintf("%s: the folder has no floor: give it one in archtest", f.Dir))
			continue
		}
		if f.Test || testOnly(f.Dir) {
			continue
		}
		for _, p := range f.Imports() {
			to, ours := strings.CutPrefix(p, Module+"/")
			if !ours || besides(f.Dir, to) {
				continue
			}
			below, known := floorOf(to)
			switch {
			case testOnly(to):
				found = append(found, fmt.Sprintf("%s: imports %s, which is for tests", f.Name, to))
			case f.Dir == "." || to == "openapi":
			case known && below >= floor:
				found = append(found, fmt.Sprintf("%s: imports %s, which is not on a lower floor", f.Name, to))
			}
		}
		if strings.HasPrefix(f.Dir, "internal/api/") {
			found = append(found, dialect(f)...)
		}
	}
	return found
}

// dialect holds what a translator may know: control, ingest and words, no store.
func dialect(f *File) []string {
	var found []string
	for _, p := range f.Imports() {
		if to, ours := strings.CutPrefix(p, Module+"/"); ours && (to == "internal/journal" || strings.HasPrefix(to, "internal/store/")) {
			found = append(found, fmt.Sprintf("%s: an API imports %s; it reaches the store through control and ingest alone", f.Name, to))
		}
	}
	return found
}
