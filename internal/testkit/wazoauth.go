package testkit

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// WazoAuth stands in for a wazo-auth: it knows the tokens, tenants and users that a
// test gives it.
type WazoAuth struct {
	server *httptest.Server

	mu      sync.Mutex
	tokens  map[string]WazoToken
	parents map[string]string          // of tenants
	users   map[string]map[string]any  // by UUID
	objects map[string]json.RawMessage // other answers, by path
	broken  int                        // status of every answer
	made    int                        // tokens
	calls   []string
}

// WazoToken is a token that a WazoAuth knows.
type WazoToken struct {
	Tenant string
	User   string // "" is none
	Wazo   string
	Access []string // that it has; empty is everything
}

// What the service of a test is known by.
const (
	WazoServiceID  = "webhookd"
	WazoServiceKey = "secret service key"
)

// NewWazoAuth starts one whose master tenant is given. It ends with the test.
func NewWazoAuth(t TB, master string) *WazoAuth {
	t.Helper()
	a := &WazoAuth{
		tokens: map[string]WazoToken{}, parents: map[string]string{master: ""},
		users: map[string]map[string]any{}, objects: map[string]json.RawMessage{},
	}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, master) }))
	t.Cleanup(a.server.Close)
	return a
}

// Address is where it listens.
func (a *WazoAuth) Address() (host string, port int) {
	host, text, _ := net.SplitHostPort(a.server.Listener.Addr().String())
	port, _ = strconv.Atoi(text)
	return host, port
}

// AddToken makes a token known.
func (a *WazoAuth) AddToken(token string, is WazoToken) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[token] = is
}

// AddTenant makes a tenant below another one known.
func (a *WazoAuth) AddTenant(tenant, parent string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parents[tenant] = parent
}

// AddUser makes a user known.
func (a *WazoAuth) AddUser(user, tenant string, enabled bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users[user] = map[string]any{"uuid": user, "tenant_uuid": tenant, "enabled": enabled}
}

// Answer makes a path below /0.1 answer with a JSON document.
func (a *WazoAuth) Answer(path, document string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects[path] = json.RawMessage(document)
}

// Break makes every answer have the status; 0 mends it.
func (a *WazoAuth) Break(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.broken = status
}

// Calls returns the requests so far, as "METHOD /path".
func (a *WazoAuth) Calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

func (a *WazoAuth) serve(w http.ResponseWriter, r *http.Request, master string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	path, ok := strings.CutPrefix(r.URL.Path, "/0.1")
	a.calls = append(a.calls, r.Method+" "+path)
	switch token, isToken := strings.CutPrefix(path, "/token/"); {
	case a.broken != 0:
		w.WriteHeader(a.broken)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodPost && path == "/token":
		a.login(w, r, master)
	case isToken && r.Method == http.MethodHead:
		a.check(w, token, r.URL.Query().Get("scope"), r.URL.Query().Get("tenant"))
	case isToken:
		is, known := a.tokens[token]
		a.give(w, known, map[string]any{"data": map[string]any{
			"token": token, "xivo_uuid": is.Wazo, "metadata": map[string]any{"uuid": orNil(is.User), "tenant_uuid": is.Tenant},
		}})
	case path == "/tenants":
		a.tenants(w, r)
	default:
		if user, ok := strings.CutPrefix(path, "/users/"); ok && !strings.Contains(user, "/") {
			a.give(w, a.users[user] != nil, a.users[user])
			return
		}
		a.give(w, a.objects[path] != nil, a.objects[path])
	}
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (a *WazoAuth) give(w http.ResponseWriter, known bool, v any) {
	if !known {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (a *WazoAuth) login(w http.ResponseWriter, r *http.Request, master string) {
	id, key, _ := r.BasicAuth()
	if id != WazoServiceID || key != WazoServiceKey {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a.made++
	token := "service-token-" + strconv.Itoa(a.made)
	a.tokens[token] = WazoToken{Tenant: master}
	a.give(w, true, map[string]any{"data": map[string]any{
		"token": token, "metadata": map[string]any{"tenant_uuid": master, "jwt": "a.jwt." + strconv.Itoa(a.made)},
	}})
}

func (a *WazoAuth) check(w http.ResponseWriter, token, access, tenant string) {
	is, known := a.tokens[token]
	switch {
	case !known:
		w.WriteHeader(http.StatusNotFound)
	case len(is.Access) > 0 && !slices.Contains(is.Access, access), tenant != "" && !a.within(tenant, is.Tenant):
		w.WriteHeader(http.StatusForbidden)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (a *WazoAuth) within(tenant, top string) bool {
	for ; tenant != ""; tenant = a.parents[tenant] {
		if tenant == top {
			return true
		}
	}
	return false
}

func (a *WazoAuth) tenants(w http.ResponseWriter, r *http.Request) {
	is, known := a.tokens[r.Header.Get("X-Auth-Token")]
	top := r.Header.Get("Wazo-Tenant")
	if !known || len(is.Access) > 0 && !slices.Contains(is.Access, "auth.tenants.read") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	items := []map[string]any{}
	for tenant := range a.parents {
		if a.within(tenant, top) {
			items = append(items, map[string]any{"uuid": tenant, "name": "tenant"})
		}
	}
	a.give(w, true, map[string]any{"items": items, "total": len(items)})
}
