package hooktype

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFile is how long the file of a type may be, in bytes.
const maxFile = 1 << 20

// Open makes the catalogue of an installation: the built-in types, and those that a
// directory adds or renames. Without a directory it is the built-in ones.
func Open(env Env, dir string) (*Catalogue, error) {
	c := &Catalogue{env: env, dir: dir}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the directory again. On an error the types stay what they were. Hooks of
// a type that is gone stay as well, and get nothing.
func (c *Catalogue) Reload() error {
	types := Builtin(c.env)
	if c.dir != "" {
		var err error
		if types, err = Load(c.dir, types); err != nil {
			return err
		}
	}
	return c.become(types)
}

// Load adds what a directory declares, one type a file (*.yaml, *.yml or *.json), in
// the order of their names. A file with the id of one of the types gives it another
// name or description and nothing else. Errors name the file and the field.
func Load(dir string, types []Type) ([]Type, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read hook types: %w", err)
	}
	types = slices.Clone(types)
	from := map[string]string{} // which file an id was seen in
	for _, entry := range entries {
		if !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(entry.Name())) {
			continue
		}
		name := filepath.Join(dir, entry.Name())
		d, err := readDeclared(name)
		if err != nil {
			return nil, fmt.Errorf("hook type in %s: %w", name, err)
		}
		if earlier := from[d.id]; earlier != "" {
			return nil, fmt.Errorf("hook type in %s: id: %s has it too", name, earlier)
		}
		from[d.id] = name
		if types, err = d.join(types); err != nil {
			return nil, fmt.Errorf("hook type in %s: %w", name, err)
		}
	}
	return types, nil
}

// join adds a declared type to others, or renames one of them.
func (d *declared) join(types []Type) ([]Type, error) {
	i := slices.IndexFunc(types, func(t Type) bool { return t.ID == d.id })
	if i < 0 {
		t, err := d.build()
		return append(types, t), err
	}
	if d.more != "" {
		return nil, fmt.Errorf("%s: %s is a built-in type, of which only name and description can be changed", d.more, d.id)
	}
	if d.name != "" {
		types[i].Name = d.name
	}
	if d.description != "" {
		types[i].Description = d.description
	}
	return types, nil
}

// readDeclared reads the file of one type.
func readDeclared(name string) (*declared, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("longer than %d bytes", maxFile)
	}
	return parseDeclared(content)
}

// parseDeclared reads the YAML, or JSON, of one type.
func parseDeclared(content []byte) (*declared, error) {
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("there is nothing in it")
		}
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one document")
	}
	d := &declared{}
	err := each(document.Content[0], d.set)
	if err == nil && d.id == "" {
		err = errors.New("id: is missing")
	}
	return d, err
}

// each goes through the members of a mapping. Errors say the field, with the line.
func each(n *yaml.Node, do func(name string, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return errors.New("must be a mapping of names to values")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		err := errors.New("is given twice")
		if !seen[key.Value] {
			err = do(key.Value, v)
		}
		seen[key.Value] = true
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", key.Value, key.Line, err)
		}
	}
	return nil
}

// text reads a value that is a text.
func text(n *yaml.Node, into *string) error {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Value == "" {
		return errors.New("must be a text")
	}
	*into = n.Value
	return nil
}

// texts reads a text, or a list of them.
func texts(n *yaml.Node) ([]string, error) {
	if n.Kind != yaml.SequenceNode {
		n = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}}
	}
	var all []string
	for _, item := range n.Content {
		var one string
		if text(item, &one) != nil {
			return nil, errors.New("must be a text, or a list of texts")
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, errors.New("must not be empty")
	}
	return all, nil
}
