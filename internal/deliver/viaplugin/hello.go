package viaplugin

import (
	"encoding/json"
	"fmt"

	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/plugin"
)

// hello is what a plug-in said of itself.
type hello struct {
	plugin.Hello
	schema *directory.Schema // nil: any object
}

// readHello reads a plug-in's first line and holds it to what is expected.
func readHello(text []byte, o *Options) (*hello, error) {
	h := &hello{}
	if err := json.Unmarshal(text, &h.Hello); err != nil {
		return nil, fmt.Errorf("its first line is no JSON object with what a hello has: %.80q", text)
	}
	switch {
	case h.Type != plugin.TypeHello:
		return nil, fmt.Errorf("its first line is not of type %q: %.80q", plugin.TypeHello, text)
	case h.Protocol != plugin.Protocol:
		return nil, fmt.Errorf("it speaks version %d of the protocol, and this server speaks version %d", h.Protocol, plugin.Protocol)
	case h.Name != o.Name:
		return nil, fmt.Errorf("it says that it is %.80q, and it is installed as %q", h.Name, o.Name)
	case h.Concurrency < 0:
		return nil, fmt.Errorf("its concurrency is %d", h.Concurrency)
	}
	h.Version = line(h.Version, maxReason)
	h.Concurrency = min(max(h.Concurrency, 1), o.InFlight)
	if len(h.ConfigSchema) == 0 || string(h.ConfigSchema) == "null" {
		h.ConfigSchema = nil
		return h, nil
	}
	schema, err := directory.CompileSchema(h.ConfigSchema)
	if err != nil {
		return nil, fmt.Errorf("its config_schema is no JSON Schema: %w", err)
	}
	h.schema = schema
	return h, nil
}
