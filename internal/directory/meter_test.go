package directory

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// doubling is a schema of n steps, each of which asks for the next one twice.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString(`{"definitions": {`)
	for i := range n {
		fmt.Fprintf(&b, `"d%d": {"allOf": [{"$ref": "#/definitions/d%d"}, {"$ref": "#/definitions/d%d"}]},`, i, i+1, i+1)
	}
	fmt.Fprintf(&b, `"d%d": {}}, "$ref": "#/definitions/d0"}`, n)
	return b.String()
}

// steps is a schema that takes n steps down the same value before it goes deeper.
func steps(n int) string {
	var b strings.Builder
	b.WriteString(`{"definitions": {`)
	for i := range n {
		fmt.Fprintf(&b, `"d%d": {"$ref": "#/definitions/d%d"},`, i, i+1)
	}
	fmt.Fprintf(&b, `"d%d": {"properties": {"a": {"$ref": "#/definitions/d0"}}}}, "$ref": "#/definitions/d0"}`, n)
	return b.String()
}

func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth)
}

func TestAPayloadThatWouldTakeForEverIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ schema, payload string }{
		"doubling steps":          {doubling(60), `{}`},
		"doubling with depth":     {`{"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]}`, nested(60)},
		"doubling that is denied": {`{"not": {"$ref": "#/definitions/d"}, "definitions": {"d": {"allOf": [{"properties": {"a": {"$ref": "#/definitions/d"}}}, {"properties": {"a": {"$ref": "#/definitions/d"}}}]}}}`, nested(60)},
		"a newer draft":           {`{"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]}`, nested(60)},
		"steps on each level":     {steps(20), nested(9000)},
		"long expressions":        {`{"allOf": [` + strings.Repeat(`{"pattern": "(a|aa)+$"},`, 900) + `{}]}`, `"` + strings.Repeat("a", 100_000) + `"`},
		"many expressions":        {`{"patternProperties": {` + manyExpressions(900) + `"x": true}}`, manyMembers(20_000)},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := CompileSchema([]byte(c.schema))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate([]byte(c.payload)); !errors.Is(err, errTooCostly) {
				t.Errorf("got %v", err)
			}
			if err := s.Validate([]byte(`1`)); errors.Is(err, errTooCostly) && name != "doubling steps" {
				t.Errorf("and then so is a small one: %v", err)
			}
		})
	}
}

func manyExpressions(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"^x%d$": true,`, i)
	}
	return b.String()
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestAnOrdinaryLargePayloadIsChecked(t *testing.T) {
	s, err := CompileSchema([]byte(`{
		"definitions": {"item": {"type": "object", "required": ["sku"], "properties": {
			"sku": {"type": "string", "pattern": "^[a-z0-9-]+$", "maxLength": 40}, "count": {"type": "integer", "minimum": 1},
			"state": {"enum": ["new", "paid", "sent"]}, "parts": {"type": "array", "items": {"$ref": "#/definitions/item"}}}}},
		"type": "object", "properties": {"items": {"type": "array", "items": {"$ref": "#/definitions/item"}}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	item := `{"sku": "a-1", "count": 2, "state": "paid", "parts": [{"sku": "b-2"}]},`
	payload := `{"items": [` + strings.Repeat(item, 1<<20/len(item)) + `{"sku": "z"}]}`
	if err := s.Validate([]byte(payload)); err != nil {
		t.Errorf("refused: %v", err)
	}
	if err := s.Validate([]byte(strings.Replace(payload, `"sku": "z"`, `"sku": "Z"`, 1))); err == nil || errors.Is(err, errTooCostly) {
		t.Errorf("got %v", err)
	}
}

func TestFormatsAreCheckedAsBefore(t *testing.T) {
	s, err := CompileSchema([]byte(`{"format": "ipv4"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate([]byte(`"127.0.0.1"`)); err != nil {
		t.Error(err)
	}
	if err := s.Validate([]byte(`"127.0.0.300"`)); err == nil || !strings.Contains(err.Error(), "ipv4") {
		t.Errorf("got %v", err)
	}
}

func TestNumbersThatNobodyCanComputeWithAreRefused(t *testing.T) {
	s, err := CompileSchema([]byte(`{"items": {"minimum": 0}, "uniqueItems": true}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{"1e2000000", "-1e400", strings.Repeat("1", 500)} {
		if err := s.Validate([]byte("[" + strings.Repeat("1,", 30) + number + "]")); err == nil {
			t.Errorf("%.20s was taken", number)
		}
		if _, err := CompileSchema([]byte(`{"maximum": ` + number + `}`)); err == nil {
			t.Errorf("%.20s was taken in a schema", number)
		}
	}
	if err := s.Validate([]byte("[0, 1e300, 12345678901234567890.5, 1e-7]")); err != nil {
		t.Error(err)
	}
}

func TestSchemasThatAreTooIntricateAreRefused(t *testing.T) {
	for name, raw := range map[string]string{
		"subschemas":   `{"1": {"allOf": [` + strings.Repeat(`{},`, maxSubschemas) + `{}]}}`,
		"booleans":     `{"1": {"allOf": [` + strings.Repeat(`true,`, maxSubschemas) + `{}]}}`,
		"in versions":  `{"1": {"allOf": [` + strings.Repeat(`{},`, maxSubschemas/2) + `{}]}, "2": {"allOf": [` + strings.Repeat(`{},`, maxSubschemas/2) + `{}]}}`,
		"expressions":  `{"1": {"pattern": "` + strings.Repeat("a{1000}", 51) + `"}}`,
		"nested loops": `{"1": {"pattern": "((a{100}){100}){100}"}}`,
	} {
		if _, err := ParseSchemas([]byte(raw)); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func TestChecksAtTheSameTimeDoNotMix(t *testing.T) {
	s, err := CompileSchema([]byte(`{"items": {"type": "integer"}}`))
	if err != nil {
		t.Fatal(err)
	}
	payload := []byte("[" + strings.Repeat("1,", 20_000) + "1]") // near what one check may take
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if err := s.Validate(payload); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
