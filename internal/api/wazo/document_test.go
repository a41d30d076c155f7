package wazo_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"gopkg.in/yaml.v3"

	"github.com/switchhook/switchhook/internal/api/wazo"
)

// described reads the document as it is served.
func (w *world) described(headers ...string) *openapi2.T {
	w.Helper()
	got := w.as("").send("GET", "/api/api.yml", nil, headers...)
	w.same(got.Status, 200)
	w.same(got.Header.Get("Content-Type"), "application/x-yaml")
	var any any
	w.must(yaml.Unmarshal([]byte(got.Body), &any))
	text, err := json.Marshal(any)
	w.must(err)
	var doc openapi2.T
	w.must(json.Unmarshal(text, &doc))
	return &doc
}

func TestTheDescriptionIsSwagger(t *testing.T) {
	w := newWorld(t)
	doc := w.described()
	w.same([]any{doc.Swagger, doc.BasePath, len(doc.Schemes)}, []any{"2.0", "/1.0", 0})
	v3, err := openapi2conv.ToV3(doc)
	w.must(err)
	w.must(v3.Validate(t.Context()))
	mounted := w.described("X-Script-Name", "/api/webhookd")
	w.same([]any{mounted.BasePath, mounted.Schemes}, []any{"/api/webhookd/1.0", []string{"https"}})
	w.same(w.described("X-Script-Name", "/a\": b").BasePath, "/a\": b/1.0")
}

func TestTheDescriptionHasEveryOperationAndNoOther(t *testing.T) {
	w := newWorld(t)
	described := map[string]string{} // operation to ACL
	for path, item := range w.described().Paths {
		for method, operation := range item.Operations() {
			access := ""
			if _, after, ok := strings.Cut(operation.Description, "**Required ACL:** `"); ok {
				access, _, _ = strings.Cut(after, "`")
			}
			name := strings.ReplaceAll(method+" "+path, "{subscription_uuid}", "{uuid}")
			described[name] = strings.ReplaceAll(access, "{subscription_uuid}", "{uuid}")
		}
	}
	served := map[string]string{}
	for _, operation := range wazo.Operated() {
		served[operation.Method+" "+operation.Path] = operation.Access
	}
	w.same(described, served)
}
