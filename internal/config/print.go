package config

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Row is one setting for people: what it is, what it is set to, and by what.
type Row struct {
	Key     string   `json:"key"`
	Value   []string `json:"value"` // one, or the members of a list; secrets masked
	List    bool     `json:"list"`
	Default []string `json:"default"`
	Source  string   `json:"source"` // "default", "file.yaml:3", "SWITCHHOOK_LISTEN", "--set", …
	Env     string   `json:"env"`
	Doc     string   `json:"doc"`
	Min     string   `json:"min,omitempty"`
	Max     string   `json:"max,omitempty"`
}

// Rows lists all settings in the order of the documentation.
func (c *Config) Rows(sources Sources) []Row {
	defaults := Default().fields()
	var rows []Row
	for i, f := range c.fields() {
		r := Row{
			Key: f.key, Value: f.shown(), List: f.isList(), Default: defaults[i].texts(), Source: sources[f.key],
			Env: f.env(), Doc: f.doc, Min: f.min, Max: f.max,
		}
		if r.Source == "" {
			r.Source = "default"
		}
		rows = append(rows, r)
	}
	return rows
}

// WriteYAML writes the configuration as a file that could be loaded, but for its
// masked secrets. With withSources each line says where its value comes from.
func (c *Config) WriteYAML(w io.Writer, sources Sources, withSources bool) error {
	var b strings.Builder
	var open []string // blocks that are open
	for _, r := range c.Rows(sources) {
		path := strings.Split(r.Key, ".")
		blocks, name := path[:len(path)-1], path[len(path)-1]
		for i, block := range blocks {
			if i >= len(open) || open[i] != block {
				fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", i), block)
				open = append(open[:i], block)
			}
		}
		open = open[:len(blocks)]
		fmt.Fprintf(&b, "%s%s: %s", strings.Repeat("  ", len(blocks)), name, yamlValue(r))
		if withSources {
			fmt.Fprintf(&b, " # %s", r.Source)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// yamlValue spells a value on one line. What YAML could read as something else than
// this text is quoted; what reads the same stays bare.
func yamlValue(r Row) string {
	quoted := make([]string, len(r.Value))
	for i, v := range r.Value {
		quoted[i] = yamlScalar(v)
	}
	if r.List {
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return quoted[0]
}

func yamlScalar(s string) string {
	bare := s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./:@_-") == "" &&
		s[0] != '-' && s[len(s)-1] != ':'
	var n yaml.Node
	if bare && yaml.Unmarshal([]byte(s), &n) == nil && len(n.Content) == 1 && n.Content[0].Kind == yaml.ScalarNode && n.Content[0].Tag != "!!null" {
		return s
	}
	return strconv.Quote(s)
}
