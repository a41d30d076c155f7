package wazo

import (
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/httpx"
)

// route is one operation. access is what a token needs, with the {uuid} of the path
// in it.
type route struct {
	method string
	path   string // below Prefix
	access string
	handle func(*API, *call) error
}

// public is the access of what needs no token.
const public = ""

// Handler returns the whole API with its middleware.
func (a *API) Handler() http.Handler {
	broken := func(w http.ResponseWriter) {
		refuse(w, plain(http.StatusInternalServerError, "Internal Server Error"), a.Now())
	}
	return httpx.Edge(httpx.EdgeOptions{Logger: a.Logger, Broken: broken}, a.cors(http.HandlerFunc(a.serve)))
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	rt, uuid, allowed := a.lookUp(r)
	switch {
	case len(allowed) == 0:
		refuse(w, plain(http.StatusNotFound, "The requested URL was not found on the server."), a.Now())
		return
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		w.Header().Set("Content-Length", "0")
		return
	case rt == nil:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		refuse(w, plain(http.StatusMethodNotAllowed, "The method is not allowed for the requested URL."), a.Now())
		return
	}
	c := &call{w: w, r: r, uuid: uuid}
	err := a.admit(c, rt.access)
	if err == nil {
		err = rt.handle(a, c)
	}
	if err != nil {
		a.refuse(w, err)
	}
}

// lookUp returns the operation that a request asks for, and which methods its path has:
// none where there is no such path.
func (a *API) lookUp(r *http.Request) (found *route, uuid string, allowed []string) {
	path, ok := strings.CutPrefix(strings.TrimPrefix(r.URL.Path, scriptName(r)), Prefix)
	if !ok {
		return nil, "", nil
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for i := range a.routes {
		rt := &a.routes[i]
		value, ok := within(rt.path, path)
		if !ok {
			continue
		}
		if found == nil && rt.method == method {
			found, uuid = rt, value
		}
		allowed = append(allowed, rt.method)
		if rt.method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	if allowed != nil {
		allowed = append(allowed, http.MethodOptions)
		slices.Sort(allowed)
		allowed = slices.Compact(allowed)
	}
	return found, uuid, allowed
}

const parameter = "{uuid}"

// within matches a path with a pattern and returns what stands for the parameter.
func within(pattern, path string) (uuid string, ok bool) {
	before, after, has := strings.Cut(pattern, parameter)
	if !has {
		return "", path == pattern
	}
	rest, begins := strings.CutPrefix(path, before)
	uuid, ends := strings.CutSuffix(rest, after)
	return uuid, begins && ends && uuid != "" && !strings.Contains(uuid, "/")
}

// scriptName is where a proxy in front has mounted the API.
func scriptName(r *http.Request) string {
	name := strings.TrimRight(r.Header.Get("X-Script-Name"), "/")
	if !strings.HasPrefix(name, "/") || len(name) > 256 {
		return ""
	}
	return name
}

// cors marks every answer for pages of other origins, and answers their questions.
func (a *API) cors(next http.Handler) http.Handler {
	if a.CORS == nil {
		return next
	}
	headers := strings.Join(a.CORS.AllowHeaders, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, origin := w.Header(), r.Header.Get("Origin")
		if origin == "" {
			origin = "*"
		} else {
			h.Add("Vary", "Origin")
		}
		h.Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Headers", headers)
			h.Set("Access-Control-Allow-Methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
		}
		next.ServeHTTP(w, r)
	})
}

// Operation is one operation as it is described to clients.
type Operation struct{ Method, Path, Access string }

// Operated lists all operations, with paths below Prefix.
func Operated() []Operation {
	var all []Operation
	for _, rt := range routes() {
		all = append(all, Operation{rt.method, rt.path, rt.access})
	}
	return all
}
