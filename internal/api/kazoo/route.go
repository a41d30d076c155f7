package kazoo

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// operation is what a method does on a path.
type operation struct {
	run    func(c *call) (*answer, error)
	open   bool // to everybody
	login  bool // gives out tokens: charged like somebody unknown
	nobody bool // there for the shape alone: nobody may
	reads  bool // what the body says
}

// route is a path with what can be done on it.
type route struct {
	path    []string // below the version; "{x}" stands for any part
	methods map[string]*operation
}

// on makes a route.
func on(path string, methods map[string]*operation) route {
	return route{strings.Split(path, "/"), methods}
}

func reading(run func(c *call) (*answer, error)) *operation { return &operation{run: run} }

func writing(run func(c *call) (*answer, error)) *operation { return &operation{run: run, reads: true} }

func public(run func(c *call) (*answer, error)) *operation { return &operation{run: run, open: true} }

func login(run func(c *call) (*answer, error)) *operation {
	return &operation{run: run, open: true, login: true, reads: true}
}

// routes lists all paths. Of two that fit, the first is meant.
func routes() []route {
	closed := &operation{nobody: true}
	samples := map[string]*operation{http.MethodGet: public((*call).listSamples)}
	sample := map[string]*operation{http.MethodGet: public((*call).showSamples)}
	hooks := map[string]*operation{
		http.MethodGet: reading((*call).listHooks), http.MethodPut: writing((*call).createHook),
		http.MethodPatch: writing((*call).enableHooks),
	}
	below := maps.Clone(hooks)
	below[http.MethodPatch] = writing((*call).enableHooksBelow)
	const account = "accounts/{account}"
	return []route{
		on("user_auth", map[string]*operation{http.MethodPut: login((*call).userAuth)}),
		on("user_auth/{token}", map[string]*operation{http.MethodGet: reading((*call).showUserAuth)}),
		on("api_auth", map[string]*operation{http.MethodPut: login((*call).apiAuth)}),
		on("token_auth", map[string]*operation{
			http.MethodGet: reading((*call).showToken), http.MethodDelete: reading((*call).dropToken),
		}),

		on("webhooks", map[string]*operation{
			http.MethodGet: public((*call).catalogue), http.MethodPut: closed, http.MethodPatch: closed,
		}),
		on("webhooks/samples", samples),
		on("webhooks/samples/{name}", sample),
		on("webhooks/attempts", map[string]*operation{http.MethodGet: closed}),
		on("webhooks/{hook}", map[string]*operation{
			http.MethodGet: closed, http.MethodPost: closed, http.MethodPatch: closed, http.MethodDelete: closed,
		}),
		on("webhooks/{hook}/attempts", map[string]*operation{http.MethodGet: closed}),

		on("accounts", map[string]*operation{http.MethodPut: writing((*call).createAccount)}),
		on(account, map[string]*operation{
			http.MethodGet: reading((*call).showAccount), http.MethodPut: writing((*call).createAccount),
			http.MethodPost: writing((*call).replaceAccount), http.MethodPatch: writing((*call).patchAccount),
			http.MethodDelete: reading((*call).deleteAccount),
		}),
		on(account+"/children", map[string]*operation{http.MethodGet: reading((*call).listChildren)}),
		on(account+"/descendants", map[string]*operation{http.MethodGet: reading((*call).listDescendants)}),
		on(account+"/api_key", map[string]*operation{http.MethodPut: reading((*call).resetKey)}),
		on(account+"/users", map[string]*operation{
			http.MethodGet: reading((*call).listUsers), http.MethodPut: writing((*call).createUser),
		}),
		on(account+"/users/{user}", map[string]*operation{
			http.MethodGet: reading((*call).showUser), http.MethodPost: writing((*call).replaceUser),
			http.MethodPatch: writing((*call).patchUser), http.MethodDelete: reading((*call).deleteUser),
		}),

		on(account+"/webhooks", hooks),
		on(account+"/descendants/webhooks", below),
		on(account+"/webhooks/samples", map[string]*operation{http.MethodGet: reading((*call).listSamples)}),
		on(account+"/webhooks/samples/{name}", map[string]*operation{http.MethodGet: reading((*call).showSamples)}),
		on(account+"/webhooks/attempts", map[string]*operation{http.MethodGet: reading((*call).listAttempts)}),
		on(account+"/webhooks/{hook}", map[string]*operation{
			http.MethodGet: reading((*call).showHook), http.MethodPost: writing((*call).replaceHook),
			http.MethodPatch: writing((*call).patchHook), http.MethodDelete: reading((*call).deleteHook),
		}),
		on(account+"/webhooks/{hook}/attempts", map[string]*operation{http.MethodGet: reading((*call).listAttempts)}),
	}
}

// find finds what the request asks for, and takes in what stands in its path.
func (c *call) find(path []string) (*operation, error) {
	for i := range c.api.routes {
		rt := &c.api.routes[i]
		params, ok := rt.match(path)
		if !ok {
			continue
		}
		c.params, c.allowed = params, slices.Sorted(maps.Keys(rt.methods))
		op := rt.methods[c.method]
		if op == nil {
			return nil, invalidMethod()
		}
		return op, nil
	}
	return nil, noSuchPath()
}

func (rt *route) match(path []string) (map[string]string, bool) {
	if len(path) != len(rt.path) {
		return nil, false
	}
	params := map[string]string{}
	for i, part := range rt.path {
		switch {
		case part[0] == '{':
			params[part[1:len(part)-1]] = path[i]
		case part != path[i]:
			return nil, false
		}
	}
	return params, true
}
