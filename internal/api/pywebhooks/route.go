package pywebhooks

import (
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/webhook"
)

// call is one request being served.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	id     string           // at the end of the path
	who    *webhook.Account // who asks, once authenticated
	window control.Window   // of a listing
}

// check is what a call has to pass before it is carried out.
type check func(a *API, c *call) error

// route is one operation. A path has segments behind Prefix; "*" is the id.
type route struct {
	method, path string
	checks       []check // in their order
	do           func(a *API, c *call) (*answer, error)
}

// routes lists all operations with the checks in the order of PyWebhooks, which is not
// the same everywhere. The paths of operations on an id are there without one, too, to
// say so.
func routes() []route {
	auth, admin, page := (*API).authenticate, (*API).isAdmin, (*API).page
	return []route{
		{"POST", "account", nil, (*API).createAccount},
		{"GET", "account", []check{missing("account_id")}, nil},
		{"DELETE", "account", []check{missing("account_id")}, nil},
		{"PATCH", "account", []check{auth}, (*API).moveAccount},
		{"GET", "account/*", []check{auth}, (*API).getAccount},
		{"DELETE", "account/*", []check{auth}, (*API).deleteAccount},
		{"GET", "accounts", []check{auth, admin, page}, (*API).listAccounts},
		{"DELETE", "accounts", []check{auth, admin}, (*API).clearAccounts},
		{"POST", "account/reset/apikey", nil, (*API).resetAPIKey},
		{"POST", "account/reset/secretkey", []check{auth}, (*API).resetSecretKey},

		{"GET", "webhook/registration", []check{auth, page}, (*API).listOwnRegistrations},
		{"POST", "webhook/registration", []check{auth}, (*API).createRegistration},
		{"PATCH", "webhook/registration", []check{missing("registration_id")}, nil},
		{"DELETE", "webhook/registration", []check{missing("registration_id")}, nil},
		{"PATCH", "webhook/registration/*", []check{auth}, (*API).describeRegistration},
		{"DELETE", "webhook/registration/*", []check{auth}, (*API).deleteRegistration},
		{"GET", "webhook/registrations", []check{auth, page}, (*API).listRegistrations},
		{"DELETE", "webhook/registrations", []check{auth, admin}, (*API).clearRegistrations},

		{"GET", "webhook/subscription", []check{auth, page}, (*API).listOwnSubscriptions},
		{"POST", "webhook/subscription", []check{missing("subscription_id")}, nil},
		{"DELETE", "webhook/subscription", []check{missing("subscription_id")}, nil},
		{"POST", "webhook/subscription/*", []check{auth}, (*API).createSubscription},
		{"DELETE", "webhook/subscription/*", []check{auth}, (*API).deleteSubscription},
		{"GET", "webhook/subscriptions", []check{page, auth}, (*API).listSubscriptions},
		{"DELETE", "webhook/subscriptions", []check{auth, admin}, (*API).clearSubscriptions},

		{"GET", "webhook/triggered", []check{page, auth}, (*API).listTriggered},
		{"POST", "webhook/triggered", []check{missing("registration_id")}, nil},
		{"POST", "webhook/triggered/*", []check{auth}, (*API).trigger},
	}
}

// missing refuses a path that lacks its id.
func missing(name string) check {
	return func(*API, *call) error { return refuse(http.StatusBadRequest, "Missing "+name) }
}

// pathText is the media type of answers that are no JSON.
const pathText = "text/html; charset=utf-8"

// serve answers a request: media type first, then path, method, and the route's checks.
func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/json") {
		writeText(w, http.StatusUnsupportedMediaType, "Unsupported Media Type")
		return
	}
	here, id := a.at(r.URL.Path)
	if len(here) == 0 {
		writeText(w, http.StatusNotFound, "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>There is nothing at this URL.</p>\n")
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	i := slices.IndexFunc(here, func(rt route) bool { return rt.method == method })
	switch {
	case method == http.MethodOptions:
		w.Header().Set("Allow", allowed(here))
		writeText(w, http.StatusOK, "")
	case i < 0:
		w.Header().Set("Allow", allowed(here))
		writeJSON(w, http.StatusMethodNotAllowed, messageOut{"The method is not allowed for the requested URL."})
	default:
		a.carryOut(here[i], &call{w: w, r: r, id: id})
	}
}

func (a *API) carryOut(rt route, c *call) {
	for _, ok := range rt.checks {
		if err := ok(a, c); err != nil {
			a.fail(c, err)
			return
		}
	}
	out, err := rt.do(a, c)
	if err != nil {
		a.fail(c, err)
		return
	}
	out.write(c.w)
}

// at returns the routes of a path, which may end in one slash, and the id in it.
func (a *API) at(path string) (here []route, id string) {
	path, ok := strings.CutPrefix(path, Prefix+"/")
	if !ok {
		return nil, ""
	}
	path = strings.TrimSuffix(path, "/")
	front, last := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		front, last = path[:i], path[i+1:]
	}
	for _, rt := range a.routes {
		if rt.path == path {
			here = append(here, rt)
		}
	}
	if len(here) > 0 || last == "" {
		return here, ""
	}
	for _, rt := range a.routes {
		if rt.path == front+"/*" {
			here = append(here, rt)
		}
	}
	return here, last
}

// allowed lists the methods of a path's routes.
func allowed(here []route) string {
	all := []string{http.MethodOptions}
	for _, rt := range here {
		all = append(all, rt.method)
		if rt.method == http.MethodGet {
			all = append(all, http.MethodHead)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
