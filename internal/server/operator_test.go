package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/testkit/rig"
)

func TestOperationsAreForTheRootKeyAlone(t *testing.T) {
	s := start(t, settings(t, t.TempDir()))
	c := s.api(t)
	app, err := c.Keys().Create(t.Context(), map[string]any{"name": "shop", "scope": "account", "appId": "shop"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{
		"":            http.StatusUnauthorized,
		"nonsense":    http.StatusUnauthorized,
		app.Value.Key: http.StatusForbidden,
		s.RootKey():   http.StatusNotFound, // there is no such operation
	} {
		r := rig.Request(t, "POST", s.URL()+"/api/v1/operator/nothing/here", "{}", "Authorization", "Bearer "+key)
		if got := rig.Send(t, r); got.Status != want || !strings.Contains(got.Body, `"detail"`) {
			t.Errorf("%.8s: %d %s, want %d", key, got.Status, got.Body, want)
		}
	}
}

func TestOperationsWorkWithoutAServer(t *testing.T) {
	c := settings(t, t.TempDir())
	if _, err := Init(t.Context(), c, Options{}, false); err != nil {
		t.Fatal(err)
	}
	err := Operate(t.Context(), c, Options{}, func(operations http.Handler) error {
		_, err := client.Within(operations).Operate(t.Context(), "POST", "/nothing/here", strings.NewReader("{}"))
		return err
	})
	if !client.IsNotFound(err) {
		t.Errorf("got %v; nobody is asked for a key here, and there is no such operation", err)
	}
}
