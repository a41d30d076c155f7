package native

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// principal is who calls.
type principal struct {
	*control.Principal
	portal *portal // what the credential was let into the portal for; nil is no portal's
}

// dialect is the name that the API's annotations are kept under.
const dialect = "native"

// portal is what a portal credential carries as its annotation.
type portal struct {
	Portal       bool     `json:"portal"`
	Capabilities []string `json:"capabilities,omitempty"` // empty is all
	FeatureFlags []string `json:"featureFlags,omitempty"`
	SessionID    string   `json:"sessionId,omitempty"`
}

// The capabilities of a portal credential.
const (
	viewBase             = "ViewBase"
	viewEndpointSecret   = "ViewEndpointSecret"
	manageEndpointSecret = "ManageEndpointSecret"
	createAttempts       = "CreateAttempts"
	manageEndpoint       = "ManageEndpoint"
)

// admit finds out who calls, and the application that the call is about, and
// whether the one may do this to the other.
func (a *API) admit(c *call, needs need, ofApplication bool) error {
	if needs == public {
		return nil
	}
	who, err := a.authenticate(c)
	if err != nil {
		return err
	}
	c.who = who
	switch {
	case needs == organisation && !who.Organisation(), needs == sender && !who.may(owner):
		return forbidden()
	case needs == organisation, needs == sender, !ofApplication:
		return nil // an application in the path is for the operation to find, or to make
	case !who.may(needs):
		return forbidden()
	}
	c.app, err = a.findApplication(c, c.r.PathValue("app_id"))
	return err
}

// may says whether the principal may do what needs asks for to an application that
// is its own.
func (p *principal) may(needs need) bool {
	switch {
	case p.Organisation():
		return true
	case p.ReadOnly():
		return needs == viewer
	case p.portal == nil:
		return true
	case needs == viewer:
		return true
	case needs == owner:
		return false
	case len(p.portal.Capabilities) == 0:
		return true
	}
	capable := func(one ...string) bool {
		return slices.ContainsFunc(one, func(s string) bool { return slices.Contains(p.portal.Capabilities, s) })
	}
	switch needs {
	case manager:
		return capable(manageEndpoint)
	case secretManager:
		return capable(manageEndpoint, manageEndpointSecret)
	case secretViewer:
		return capable(manageEndpoint, manageEndpointSecret, viewEndpointSecret)
	case retrier:
		return capable(createAttempts)
	}
	return false
}

// sees says whether the principal is shown an event type that is behind one of
// these feature flags.
func (p *principal) sees(flags []string) bool {
	if p.Organisation() || len(flags) == 0 {
		return true
	}
	return p.portal != nil && slices.ContainsFunc(flags, func(f string) bool {
		return slices.Contains(p.portal.FeatureFlags, f)
	})
}

// What an answer to a wrong credential says.
const (
	invalidToken = "Invalid token"
	secretToken  = "Authentication failed: this is a signing secret, which receivers verify with. Send an API key instead."
)

func unauthorized(detail string) error {
	return webhook.Errorf(webhook.CodeUnauthorized, "", "%s", detail)
}

func (a *API) authenticate(c *call) (*principal, error) {
	token := httpx.Bearer(c.r)
	switch {
	case token == "":
		return nil, unauthorized(invalidToken)
	case isSigningSecret(token), a.JWTSecret != "" && subtle.ConstantTimeCompare([]byte(token), []byte(a.JWTSecret.Reveal())) == 1:
		return nil, unauthorized(secretToken)
	case a.JWTSecret != "" && strings.Count(token, ".") == 2:
		return a.authenticateJWT(c, token)
	}
	p, err := a.Control.Authenticate(c.ctx(), token)
	if webhook.CodeOf(err) == webhook.CodeUnauthorized && !strings.HasPrefix(token, control.KeyPrefix) {
		return nil, unauthorized(invalidToken)
	}
	if err != nil {
		return nil, err
	}
	who := &principal{Principal: p}
	if note := p.Credential.Annotations[dialect]; note != nil {
		var in portal
		if err := json.Unmarshal(note, &in); err != nil {
			return nil, fmt.Errorf("annotation of credential %s: %w", p.Credential.ID, err)
		}
		if in.Portal {
			who.portal = &in
		}
	}
	return who, nil
}

func isSigningSecret(token string) bool {
	return strings.HasPrefix(token, "whsec_") || strings.HasPrefix(token, "whsk_") || strings.HasPrefix(token, "whpk_")
}

func authRoutes() []Route {
	return []Route{
		{Method: "POST", Path: "/auth/app-portal-access/{app_id}", needs: organisation, handle: (*API).openPortal},
		{Method: "POST", Path: "/auth/dashboard-access/{app_id}", needs: organisation, handle: (*API).openPortal},
		{Method: "POST", Path: "/auth/logout", needs: public, handle: (*API).logout},
	}
}

// How long a portal credential is valid.
const (
	portalExpiry    = 7 * 24 * time.Hour
	maxPortalExpiry = 28 * 24 * time.Hour
)

type portalIn struct {
	application *applicationFields
	expiry      time.Duration
	readOnly    bool
	portal
}

func readPortal(body []byte) (portalIn, error) {
	in := portalIn{expiry: portalExpiry, portal: portal{Portal: true}}
	o := httpx.ReadObject(body)
	for name, v := range o.Members {
		if v.IsNull() {
			continue
		}
		switch string(name) {
		case "application":
			in.application = readApplicationFields(v.Object(), true)
		case "expiry":
			in.expiry = time.Duration(v.Int(1, int(maxPortalExpiry/time.Second))) * time.Second
		case "readOnly":
			in.readOnly = v.Bool()
		case "featureFlags":
			in.FeatureFlags = v.Lines(100, wrongName)
		case "capabilities":
			in.Capabilities = v.Lines(10, wrongCapability)
			if len(in.Capabilities) == 0 {
				v.Fail("must not be empty; leave it out for all capabilities")
			}
		case "sessionId":
			in.SessionID = readName(v)
		default:
			v.Unknown()
		}
	}
	return in, o.Err()
}

func wrongCapability(s string) string {
	switch s {
	case viewBase, viewEndpointSecret, manageEndpointSecret, createAttempts, manageEndpoint:
		return ""
	case "ManageTransformations":
		return "is not supported"
	}
	return "is not a capability"
}

// openPortal makes a key that lets a browser see one application.
func (a *API) openPortal(c *call) error {
	body, err := a.optionalBody(c)
	if err != nil {
		return err
	}
	in, err := readPortal(body)
	if err != nil {
		return err
	}
	app, err := a.findOrMakeApplication(c, in.application)
	if err != nil {
		return err
	}
	note, err := json.Marshal(in.portal)
	if err != nil {
		return err
	}
	scope := webhook.ScopeAccount
	if in.readOnly {
		scope = webhook.ScopeReadOnly
	}
	_, key, err := a.Control.CreateKey(c.ctx(), webhook.Credential{
		AccountID: app.ID, Scope: scope, Name: "portal",
		Annotations: webhook.Annotations{dialect: note}, ExpiresAt: a.Now().Add(in.expiry),
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, portalOut{URL: a.PublicURL + "/console#key=" + key, Token: key})
}

type portalOut struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// logout is there because clients know it. Keys are revoked by who gave them out.
func (a *API) logout(*call) error {
	return &refusal{status: http.StatusNotImplemented, code: "not_implemented", detail: "Tokens end when they expire or are revoked."}
}
