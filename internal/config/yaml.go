package config

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// file is the layer of the YAML file: blocks nest, every leaf is a setting.
func (l *layers) file(name string, content []byte) {
	d := yaml.NewDecoder(strings.NewReader(string(content)))
	var document yaml.Node
	switch err := d.Decode(&document); {
	case errors.Is(err, io.EOF): // nothing but comments
		return
	case err != nil:
		l.problem("", name, "%v", err)
		return
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		l.problem("", name, "there is more than one document")
		return
	}
	r := reader{layers: l, name: name, seen: map[string]bool{}}
	r.block("", document.Content[0])
}

// reader walks the nodes of one file.
type reader struct {
	*layers
	name string
	seen map[string]bool // keys that were given
}

// block reads a mapping whose keys begin with prefix.
func (r *reader) block(prefix string, n *yaml.Node) {
	if isNull(n) {
		return // a block with nothing in it
	}
	if n.Kind != yaml.MappingNode {
		r.problem(strings.TrimSuffix(prefix, "."), r.at(n), "must have keys of its own")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := prefix+n.Content[i].Value, n.Content[i+1]
		if n.Content[i].Kind != yaml.ScalarNode || r.seen[key] {
			r.problem(key, r.at(n.Content[i]), "is given twice, or is not a plain key")
			continue
		}
		r.seen[key] = true
		if r.isBlock(key) {
			r.block(key+".", value)
			continue
		}
		r.leaf(key, value)
	}
}

// isBlock says whether settings lie below key.
func (l *layers) isBlock(key string) bool {
	for _, f := range l.order {
		if strings.HasPrefix(f.key, key+".") {
			return true
		}
	}
	return false
}

// leaf reads a scalar or a list of scalars.
func (r *reader) leaf(key string, n *yaml.Node) {
	_, known := r.fields[key]
	switch {
	case !known:
		r.assign(key, r.at(n), nil) // says so
	case isNull(n):
		// A key without a value leaves its default.
	case n.Kind == yaml.ScalarNode:
		r.text(key, r.at(n), n.Value)
	case n.Kind == yaml.SequenceNode:
		texts := []string{}
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				r.problem(key, r.at(item), "must be a list of plain values")
				return
			}
			texts = append(texts, item.Value)
		}
		r.assign(key, r.at(n), texts)
	default:
		r.problem(key, r.at(n), "must be a plain value or a list of them")
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (r *reader) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", r.name, n.Line) }
