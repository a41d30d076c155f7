package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// MaxSchemas is how many versions of a schema a type may have.
const MaxSchemas = 100

// Schemas are the versions of an event type's JSON Schema, ready to be used.
type Schemas struct{ newest *Schema }

// ParseSchemas reads an object of version to JSON Schema. Draft 7 is assumed where
// a schema does not say. A schema may refer to itself and to the published
// drafts; nothing is ever fetched or read from a file. The error is one sentence
// for people.
func ParseSchemas(raw json.RawMessage) (*Schemas, error) {
	var versions map[string]json.RawMessage
	if err := json.Unmarshal(raw, &versions); err != nil || versions == nil {
		return nil, errors.New("must be an object of versions with a JSON Schema each")
	}
	if len(versions) > MaxSchemas {
		return nil, fmt.Errorf("must have at most %d versions", MaxSchemas)
	}
	s := &Schemas{}
	left := maxSubschemas
	for _, version := range byAge(versions) {
		one, parts, err := compile(versions[version], left)
		if err != nil {
			return nil, fmt.Errorf("version %q: %w", version, err)
		}
		s.newest, left = one, left-parts
	}
	return s, nil
}

// Validate says whether a payload fits the newest version. The error is one
// sentence for people.
func (s *Schemas) Validate(payload []byte) error {
	if s.newest == nil {
		return nil
	}
	return s.newest.Validate(payload)
}

// byAge orders versions: numbers by value, behind all that are none.
func byAge(versions map[string]json.RawMessage) []string {
	number := func(v string) int {
		n, err := strconv.Atoi(v)
		if err != nil {
			return -1
		}
		return n
	}
	all := make([]string, 0, len(versions))
	for v := range versions {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b string) int {
		if d := number(a) - number(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return all
}

// Schema is a JSON Schema, ready to be used. It is safe for concurrent use.
type Schema struct {
	doc   any
	spare chan *meter // those that no check uses
}

// schemaURL names a schema for itself; nothing can be fetched from it.
const schemaURL = "switchhook:///schema"

// CompileSchema reads one JSON Schema by the rules of ParseSchemas.
func CompileSchema(raw json.RawMessage) (*Schema, error) {
	s, _, err := compile(raw, maxSubschemas)
	return s, err
}

func compile(raw []byte, most int) (s *Schema, parts int, err error) {
	d, err := decode(raw)
	if err != nil {
		return nil, 0, err
	}
	if d.parts > most {
		return nil, 0, fmt.Errorf("must have at most %d objects and booleans in all versions", maxSubschemas)
	}
	m, err := newMeter(d.value)
	if err != nil {
		return nil, 0, err
	}
	s = &Schema{doc: d.value, spare: make(chan *meter, runtime.GOMAXPROCS(0))}
	s.spare <- m
	return s, d.parts, nil
}

// Validate says whether a document fits. The error is one sentence for people. It
// is an error, too, when finding out would take too long.
func (s *Schema) Validate(document []byte) error {
	d, err := decode(document)
	if err != nil {
		return err
	}
	m, err := s.take()
	if err != nil {
		return err
	}
	defer s.giveBack(m)
	return m.check(d, len(document))
}

func (s *Schema) take() (*meter, error) {
	select {
	case m := <-s.spare:
		return m, nil
	default:
		return newMeter(s.doc)
	}
}

func (s *Schema) giveBack(m *meter) {
	select {
	case s.spare <- m:
	default:
	}
}

// nothing is a loader that loads nothing.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, errors.New("a schema can refer to itself and to the published drafts only")
}

var english = message.NewPrinter(language.English)

// sentence makes one line of the library's trees of causes: the deepest first one.
func sentence(err error) error {
	if e, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		for len(e.Causes) > 0 {
			e = e.Causes[0]
		}
		return fmt.Errorf("at %q: %s", "/"+strings.Join(e.InstanceLocation, "/"), e.ErrorKind.LocalizedString(english))
	}
	if e, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		return fmt.Errorf("refers to %q: %w", e.URL, e.Err)
	}
	return err
}
