package cli

import (
	"fmt"
	"runtime"

	"github.com/switchhook/switchhook/internal/telemetry"
)

type versionVerb struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints the version.
func (v *versionVerb) Run(s *session) error {
	if v.JSON {
		return printValue(s.out, map[string]string{
			"version": telemetry.Version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		})
	}
	_, err := fmt.Fprintf(s.out, "switchhook %s (%s, %s/%s)\n", telemetry.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
