package native_test

import (
	"net/http"
	"sort"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/native"
	"github.com/switchhook/switchhook/openapi"
)

func TestTheContractIsValid(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.YAML)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.DisableExamplesValidation()); err != nil {
		t.Error(err)
	}
}

func TestTheContractAndTheRoutesAreTheSame(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.YAML)
	if err != nil {
		t.Fatal(err)
	}
	var documented, served []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	for _, r := range native.Routes() {
		served = append(served, r.Method+" "+native.Prefix+r.Path)
	}
	sort.Strings(documented)
	sort.Strings(served)
	if diff := cmp.Diff(documented, served); diff != "" {
		t.Errorf("documented (-), served (+):\n%s", diff)
	}
}

func TestEveryOperationNeedsAKeyUnlessTheContractSaysOtherwise(t *testing.T) {
	w := newWorld(t)
	doc, err := openapi3.NewLoader().LoadFromData(openapi.YAML)
	w.must(err)
	for _, r := range native.Routes() {
		path := strings.NewReplacer("{app_id}", "x", "{endpoint_id}", "x", "{msg_id}", "x",
			"{attempt_id}", "x", "{event_type_name}", "x", "{key_id}", "x").Replace(r.Path)
		open := doc.Paths.Value(native.Prefix + r.Path).GetOperation(r.Method).Security
		got := w.as("").do(r.Method, path, nil)
		if public := open != nil && len(*open) == 0; public == (got.Status == http.StatusUnauthorized) {
			t.Errorf("%s %s: %d without a key", r.Method, r.Path, got.Status)
		}
	}
}
