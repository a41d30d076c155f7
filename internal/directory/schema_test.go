package directory

import (
	"strings"
	"testing"
)

func TestSchemasThatAreRefused(t *testing.T) {
	for name, raw := range map[string]string{
		"not JSON":                      `{`,
		"not an object":                 `[]`,
		"null":                          `null`,
		"a schema that is a number":     `{"1": 5}`,
		"an unknown type":               `{"1": {"type": "strin"}}`,
		"a negative bound":              `{"1": {"maxLength": -1}}`,
		"an expression that is none":    `{"1": {"pattern": "("}}`,
		"an older version that is none": `{"1": {"type": 1}, "2": {}}`,
		"a schema from the network":     `{"1": {"$ref": "https://schemas.example/order.json"}}`,
		"a schema from a file":          `{"1": {"$ref": "file:///etc/passwd"}}`,
		"a schema from beside":          `{"1": {"$ref": "other.json"}}`,
		"a draft from the network":      `{"1": {"$schema": "https://schemas.example/draft"}}`,
		"a reference to nowhere":        `{"1": {"$ref": "#/definitions/none"}}`,
		"too many versions":             `{"1":{}` + manyVersions() + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSchemas([]byte(raw))
			if err == nil {
				t.Fatal("was taken")
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than one line", err)
			}
		})
	}
}

func manyVersions() string {
	var b strings.Builder
	for i := range MaxSchemas {
		b.WriteString(`,"v` + strings.Repeat("x", i) + `":{}`)
	}
	return b.String()
}

func TestTheNewestSchemaDecides(t *testing.T) {
	s, err := ParseSchemas([]byte(`{"10": {"required": ["b"]}, "9": {"required": ["a"]}, "draft": {"required": ["c"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate([]byte(`{"b": 1}`)); err != nil {
		t.Errorf("refused: %v", err)
	}
	if err := s.Validate([]byte(`{"a": 1, "c": 1}`)); err == nil {
		t.Error("an older version decided")
	}
}

func TestNoVersionTakesEverything(t *testing.T) {
	s, err := ParseSchemas([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate([]byte(`anything`)); err != nil {
		t.Error(err)
	}
}

func TestAPayloadThatDoesNotFitIsToldWhere(t *testing.T) {
	s, err := CompileSchema([]byte(`{
		"definitions": {"item": {"properties": {"count": {"type": "integer"}}}},
		"properties": {"items": {"items": {"$ref": "#/definitions/item"}}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate([]byte(`{"items": [{"count": 1}]}`)); err != nil {
		t.Errorf("refused: %v", err)
	}
	err = s.Validate([]byte(`{"items": [{"count": 1}, {"count": "two"}]}`))
	if err == nil || !strings.Contains(err.Error(), `"/items/1/count"`) {
		t.Errorf("%v does not say where", err)
	}
	if err := s.Validate([]byte(`{`)); err == nil {
		t.Error("took what is not JSON")
	}
	if err := s.Validate([]byte(`{} {}`)); err == nil {
		t.Error("took two documents")
	}
}

func TestDraftSevenIsAssumed(t *testing.T) {
	// Draft 2020-12 knows no "dependencies", draft 7 does.
	s, err := CompileSchema([]byte(`{"dependencies": {"a": ["b"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate([]byte(`{"a": 1}`)); err == nil {
		t.Error("was taken")
	}
	if _, err := CompileSchema([]byte(`{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [true]}`)); err != nil {
		t.Errorf("a published draft is refused: %v", err)
	}
}

func FuzzSchemas(f *testing.F) {
	f.Add([]byte(`{"1": {"type": "object", "properties": {"a": {"$ref": "#"}}}}`), []byte(`{"a": {}}`))
	f.Add([]byte(`{"1": true, "2": {"anyOf": [{"pattern": "^a+$"}, {"const": null}]}}`), []byte(`"aa"`))
	f.Fuzz(func(t *testing.T, schemas, payload []byte) {
		if len(schemas) > 4096 || len(payload) > 4096 {
			return
		}
		s, err := ParseSchemas(schemas)
		if err != nil {
			return
		}
		_ = s.Validate(payload)
	})
}
