package server

import (
	"bytes"
	"encoding/json"
)

// Credentials are what an installation begins with. They are shown once.
type Credentials struct {
	RootAPIKey string // "" when the root account was there already
	DataDir    string
	URL        string  // where the server listens, or will
	Dialects   []Named // of those that had nothing so far
}

// Named is the block of a dialect.
type Named struct {
	Dialect string
	Block   Block
}

// Block is what a dialect begins with: fields in the order in which they are shown.
type Block []Field

// Field is one line of a block.
type Field struct{ Name, Value string }

// Any says whether there is something to show.
func (c *Credentials) Any() bool { return c.RootAPIKey != "" || len(c.Dialects) > 0 }

// MarshalJSON makes one object, with the block of each dialect under its name.
func (c Credentials) MarshalJSON() ([]byte, error) {
	var o object
	if c.RootAPIKey != "" {
		o.add("root_api_key", c.RootAPIKey)
	}
	o.add("data_dir", c.DataDir)
	o.add("url", c.URL)
	for _, d := range c.Dialects {
		o.add(d.Dialect, d.Block)
	}
	return o.end()
}

// MarshalJSON makes an object of the fields.
func (b Block) MarshalJSON() ([]byte, error) {
	var o object
	for _, f := range b {
		o.add(f.Name, f.Value)
	}
	return o.end()
}

// object is a JSON object whose members keep their order.
type object struct {
	text bytes.Buffer
	err  error
}

func (o *object) add(name string, value any) {
	key, _ := json.Marshal(name) // text can be encoded
	text, err := json.Marshal(value)
	if err != nil {
		o.err = err
	}
	if o.text.Len() > 0 {
		o.text.WriteByte(',')
	}
	o.text.Write(key)
	o.text.WriteByte(':')
	o.text.Write(text)
}

func (o *object) end() ([]byte, error) {
	return []byte("{" + o.text.String() + "}"), o.err
}
