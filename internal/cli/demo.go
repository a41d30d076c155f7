package cli

import (
	"os"

	"github.com/switchhook/switchhook/internal/cli/demo"
)

type demoVerb struct {
	Once bool `help:"Without pauses for reading, for scripts."`
	Keep bool `help:"Leave the server running at the end, until Ctrl-C."`
}

// Run tells the story; it fails when something that it shows was not seen.
func (v *demoVerb) Run(s *session) error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	return demo.Run(s.ctx, demo.Options{
		Out: s.out, Binary: binary, Colour: isTerminal(s.out) && os.Getenv("NO_COLOR") == "", Quick: v.Once, Keep: v.Keep,
	})
}
