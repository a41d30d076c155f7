package wazo

import (
	_ "embed"
	"encoding/json"
	"strconv"
)

// apiYAML describes the API as Swagger 2.0, but for where it is served.
//
//go:embed api.yml
var apiYAML []byte

// document answers with the description of the API, for whoever asks.
func (a *API) document(c *call) error {
	name := scriptName(c.r)
	place, err := json.Marshal(name + Prefix) // a JSON text is a YAML text
	if err != nil {
		return err
	}
	schemes := ""
	if name != "" {
		schemes = "schemes: [https]\n"
	}
	text := append([]byte("basePath: "+string(place)+"\n"+schemes), apiYAML...)
	h := c.w.Header()
	h.Set("Content-Type", "application/x-yaml")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = c.w.Write(text) // the caller is gone: nobody is left to tell
	return nil
}
