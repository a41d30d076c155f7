package directory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A few bytes of JSON Schema can ask for more work than any machine has, and so can
// a number of a few digits. These bounds are far beyond what people write.
const (
	maxSubschemas = 5_000   // objects and booleans in all versions: compiling is quadratic in them
	maxExpression = 50_000  // instructions that the regular expressions of a schema come to
	maxNesting    = 100_000 // depth of the payload times subschemas: a stack of some 270 MB at worst
	maxNumber     = 400     // characters of a number
	baseEffort    = 50_000  // evaluations that a check may take, beside half of one for each byte
	cheapLooks    = 16      // comparisons, or bytes matched, that cost as much as an evaluation
)

var errTooCostly = errors.New("is too large, too deep or its schema too intricate to be checked")

// meter is a compiled schema that counts what a check costs. One check at a time
// uses it.
type meter struct {
	schema     *jsonschema.Schema
	subschemas int
	expression int
	left       int // effort
}

// newMeter compiles a schema. Every object in it that is a schema gets the meter
// for a format, which is what a check looks at before it goes any deeper.
func newMeter(doc any) (*meter, error) {
	m := &meter{}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.UseLoader(nothing{})
	c.UseRegexpEngine(m.compileExpression)
	c.RegisterVocabulary(&jsonschema.Vocabulary{URL: schemaURL + "/meter", Compile: m.attach})
	c.AssertVocabs()
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, sentence(err)
	}
	s, err := c.Compile(schemaURL)
	if err != nil {
		return nil, sentence(err)
	}
	m.schema = s
	return m, nil
}

// attach puts the meter in front of the format that a subschema has.
func (m *meter) attach(ctx *jsonschema.CompilerContext, obj map[string]any) (jsonschema.SchemaExt, error) {
	m.subschemas++
	looks := 0
	for _, keyword := range []string{"allOf", "anyOf", "oneOf", "enum"} {
		if list, ok := obj[keyword].([]any); ok {
			looks += len(list)
		}
	}
	patterns, _ := obj["patternProperties"].(map[string]any)
	_, pattern := obj["pattern"]
	s := ctx.Enqueue(nil)
	own := s.Format
	metered := &jsonschema.Format{Validate: func(v any) error {
		cost := 1 + looks/cheapLooks
		switch v := v.(type) {
		case string:
			if pattern {
				cost += len(v) / cheapLooks
			}
		case map[string]any:
			cost += len(v) * len(patterns) / cheapLooks
		}
		if m.left -= cost; m.left < 0 {
			return errTooCostly // and nothing below is looked at
		}
		if own != nil {
			return own.Validate(v)
		}
		return nil
	}}
	if own != nil {
		metered.Name = own.Name
	}
	s.Format = metered
	return nil, nil
}

func (m *meter) compileExpression(text string) (jsonschema.Regexp, error) {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	p, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if m.expression += len(p.Inst); m.expression > maxExpression {
		return nil, errors.New("the regular expressions are too large")
	}
	return regexp.Compile(text)
}

// check validates a document of so many bytes.
func (m *meter) check(d document, size int) (err error) {
	if d.depth*m.subschemas > maxNesting {
		return errTooCostly
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cannot be checked: %v", p)
		}
	}()
	m.left = baseEffort + size/2
	err = m.schema.Validate(d.value)
	switch {
	case m.left < 0:
		return errTooCostly
	case err != nil:
		return sentence(err)
	}
	return nil
}

// document is a JSON text, decoded.
type document struct {
	value any
	depth int // of nesting
	parts int // objects and booleans: what may be a schema
}

// decode reads one JSON text. Numbers that floating point cannot hold are refused:
// computing with them exactly takes for ever.
func decode(raw []byte) (document, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return document{}, errors.New("is not JSON")
	}
	d := document{value: v}
	return d, d.measure(v, 1)
}

func (d *document) measure(v any, depth int) error {
	d.depth = max(d.depth, depth)
	switch v := v.(type) {
	case json.Number:
		if _, err := strconv.ParseFloat(string(v), 64); err != nil || len(v) > maxNumber {
			return errors.New("has a number that is too long or out of range")
		}
	case bool:
		d.parts++
	case []any:
		for _, one := range v {
			if err := d.measure(one, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		d.parts++
		for _, one := range v {
			if err := d.measure(one, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
