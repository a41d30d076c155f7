// Command go is a plug-in for Switchhook that appends events to a file: a service in Go.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/switchhook/switchhook/plugin"
)

// options are what an endpoint with this service has in its configuration.
type options struct {
	File string `json:"file"`
}

const schema = `{
	"type": "object",
	"required": ["file"],
	"properties": {"file": {"type": "string", "minLength": 1}},
	"additionalProperties": false
}`

func main() {
	plugin.Main(plugin.Service{
		Name: "append-go", Version: "1.0", Concurrency: 8,
		ConfigSchema: json.RawMessage(schema),
		Deliver:      appendEvent,
	})
}

func appendEvent(_ context.Context, d *plugin.Delivery) (any, error) {
	var o options
	if err := json.Unmarshal(d.Options, &o); err != nil {
		return nil, plugin.Reject(err.Error())
	}
	f, err := os.OpenFile(o.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err // it is tried again
	}
	defer f.Close()
	n, err := fmt.Fprintf(f, "%s\n", d.Event)
	return map[string]int{"bytes": n}, err
}
