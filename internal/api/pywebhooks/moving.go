package pywebhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Operations are what this API has for operators.
func (a *API) Operations() httpx.Operations {
	return httpx.Operations{"POST /import": a.movesIn}
}

// Moved says what an import stored. What was there already is not in it.
type Moved struct {
	Accounts          int `json:"accounts"`
	Registrations     int `json:"registrations"`
	Subscriptions     int `json:"subscriptions"`
	TriggeredWebhooks int `json:"triggered_webhooks"`
}

// movesIn takes over what a PyWebhooks has in its database: all of it or nothing.
func (a *API) movesIn(r *http.Request) (any, error) {
	ctx := r.Context()
	root, err := a.root(ctx)
	if err != nil {
		return nil, err
	}
	m := &move{api: a, root: root, owners: map[id.ID]id.ID{}, places: map[id.ID]id.ID{}, seen: map[recordID]place{}}
	if err := readTables(r.Body, m.take); err != nil {
		return nil, err
	}
	if err := m.finish(ctx); err != nil {
		return nil, err
	}
	did, err := a.Control.AddBundle(ctx, m.bundle)
	if err != nil {
		return nil, m.explain(err)
	}
	return Moved{did.Accounts, did.EventTypes, did.Subscriptions, did.Firings}, nil
}

// move gathers what moves in.
type move struct {
	api    *API
	root   *webhook.Account
	bundle control.Bundle
	owners map[id.ID]id.ID // of the registrations
	places map[id.ID]id.ID // the accounts' endpoints
	seen   map[recordID]place

	accounts, registrations, subscriptions []place // of the bundle's members
	admin                                  int     // its place among the accounts, from 1; 0 is none
}

// recordID is an id within its table.
type recordID struct {
	table string
	id    id.ID
}

// take reads one record. Which table it is from shows in its fields.
func (m *move) take(at place, r tableRecord) error {
	table, read := "triggered_webhooks", m.triggered
	switch {
	case r.has("username"):
		table, read = "accounts", m.account
	case r.has("event_data"):
		table, read = "registrations", m.registration
	case r.has("account_id"):
		table, read = "subscriptions", m.subscription
	case !r.has("registration_id"):
		return errors.New("is a record of none of the tables")
	}
	self, err := r.id("id")
	if err != nil {
		return err
	}
	key := recordID{table, self}
	if first, twice := m.seen[key]; twice {
		return fmt.Errorf("has the id of %s", first)
	}
	m.seen[key] = at
	return read(at, self, r)
}

func (m *move) account(at place, self id.ID, r tableRecord) error {
	p := profile{id: self}
	var err error
	if p.username, err = readUsername(r["username"]); err != nil {
		return err
	}
	if p.endpoint, err = r.text("endpoint"); err != nil {
		return err
	}
	if p.secretKey, err = r.text("secret_key"); err != nil {
		return err
	}
	if p.secretKey == "" {
		return errors.New("secret_key is empty")
	}
	hash, err := r.text("api_key")
	if err != nil {
		return err
	}
	if _, err := parseWerkzeug(hash); err != nil {
		return fmt.Errorf("api_key %w", err)
	}
	p.verifiers = map[string]string{shownVerifier: hash}
	if p.at, err = r.time("epoch"); err != nil {
		return err
	}
	if p.failed, err = r.count("failed_count"); err != nil {
		return err
	}
	p.admin = string(r["is_admin"]) == "true"
	n, err := m.api.compose(m.root, p)
	if err != nil {
		return err
	}
	b := &m.bundle
	b.Accounts, b.Credentials, b.Endpoints = append(b.Accounts, n.account), append(b.Credentials, n.user), append(b.Endpoints, n.place)
	m.accounts = append(m.accounts, at)
	m.places[self] = n.place.Endpoint.ID
	if p.username == adminName {
		if !p.admin {
			return errors.New("has the name of the admin and is none")
		}
		m.admin = len(b.Accounts)
	}
	return nil
}

func (m *move) registration(at place, self id.ID, r tableRecord) error {
	owner, err := r.id("account_id")
	if err != nil {
		return err
	}
	for _, name := range []string{"event", "description"} {
		if !r.has(name) {
			return fmt.Errorf("%s is missing", name)
		}
	}
	t, err := newRegistration(self, owner, r["event"], r["description"], r["event_data"])
	if err != nil {
		return err
	}
	if t.CreatedAt, err = r.time("epoch"); err != nil {
		return err
	}
	t.UpdatedAt = t.CreatedAt
	m.owners[self] = owner
	m.bundle.EventTypes = append(m.bundle.EventTypes, t)
	m.registrations = append(m.registrations, at)
	return nil
}

// subscription reads a subscription. Where its account's endpoint and the owner of the
// registration belong, there is the account until finish knows them.
func (m *move) subscription(at place, self id.ID, r tableRecord) error {
	account, err := r.id("account_id")
	if err != nil {
		return err
	}
	registration, err := r.id("registration_id")
	if err != nil {
		return err
	}
	s, err := newSubscription(self, account, account, registration, account)
	if err != nil {
		return err
	}
	if s.CreatedAt, err = r.time("epoch"); err != nil {
		return err
	}
	s.UpdatedAt = s.CreatedAt
	m.bundle.Subscriptions = append(m.bundle.Subscriptions, s)
	m.subscriptions = append(m.subscriptions, at)
	return nil
}

func (m *move) triggered(_ place, self id.ID, r tableRecord) error {
	registration, err := r.id("registration_id")
	if err != nil {
		return err
	}
	at, err := r.time("epoch")
	if err != nil {
		return err
	}
	m.bundle.Firings = append(m.bundle.Firings, control.Firing{ID: self, EventTypeID: registration, At: at})
	return nil
}

// finish makes the records fit one another, in whichever order they came, and what is
// there already. A subscription whose account or registration is nowhere stays a record
// on which nothing is delivered, as it was.
func (m *move) finish(ctx context.Context) error {
	found := map[id.ID]bool{}
	for i := range m.bundle.Subscriptions {
		s := &m.bundle.Subscriptions[i]
		account := s.EndpointID
		if !found[account] {
			found[account] = true
			if err := m.find(ctx, account); err != nil {
				return err
			}
		}
		if place, ok := m.places[account]; ok {
			s.EndpointID = place
		}
		owner, err := m.owner(ctx, s.EventTypeID)
		if err != nil {
			return err
		}
		if !owner.IsZero() {
			s.AccountID = owner
		}
	}
	return m.settleAdmin(ctx)
}

// find looks for the endpoint of an account that is there already.
func (m *move) find(ctx context.Context, account id.ID) error {
	e, err := m.api.endpoint(ctx, &webhook.Account{ID: account})
	if err == nil && e != nil {
		m.places[account] = e.ID
	}
	return err
}

// owner returns whose a registration is; zero is nobody's.
func (m *move) owner(ctx context.Context, registration id.ID) (id.ID, error) {
	if owner, ok := m.owners[registration]; ok {
		return owner, nil
	}
	t, err := m.api.Control.Registration(ctx, registration)
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		m.owners[registration] = id.ID{}
		return id.ID{}, nil
	case err != nil:
		return id.ID{}, err
	}
	m.owners[registration] = t.AccountID
	return t.AccountID, nil
}

// settleAdmin lets the admin that moves in take the place of the one that the
// installation began with, unless that one has been at work.
func (m *move) settleAdmin(ctx context.Context) error {
	if m.admin == 0 {
		return nil
	}
	there, err := m.api.accountNamed(ctx, adminName)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil
	}
	if err != nil || there.ID == m.bundle.Accounts[m.admin-1].ID {
		return err
	}
	at := m.accounts[m.admin-1]
	has, err := m.api.Control.Registrations(ctx, there.ID, control.Window{Limit: 1})
	if err != nil {
		return err
	}
	e, err := m.api.endpoint(ctx, there)
	if err != nil {
		return err
	}
	if len(has) > 0 || e != nil && (e.URL != "" || len(e.Subscriptions) > 0) {
		return at.wrong(errors.New("this installation has an admin already, who has an endpoint, registrations or subscriptions"))
	}
	m.bundle.Replaces = []id.ID{there.ID}
	return nil
}

// explain names the line that an error about the bundle is about.
func (m *move) explain(err error) error {
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		return err
	}
	kind, rest, _ := strings.Cut(e.Field, ".")
	number, field, _ := strings.Cut(rest, ".")
	places := map[string][]place{
		"accounts": m.accounts, "credentials": m.accounts, "endpoints": m.accounts,
		"eventTypes": m.registrations, "subscriptions": m.subscriptions,
	}[kind]
	i, err := strconv.Atoi(number)
	if err != nil || i >= len(places) {
		return e
	}
	if field == "uid" && e.Code == webhook.CodeConflict {
		return places[i].wrong(errors.New("another account has this username"))
	}
	return places[i].wrong(fmt.Errorf("%s: %s", member(field), e.Message))
}

// tableRecord is one record of a table.
type tableRecord map[string]json.RawMessage

func (r tableRecord) has(name string) bool { return r[name] != nil }

func (r tableRecord) text(name string) (string, error) {
	raw := r[name]
	if raw == nil || raw[0] != '"' {
		return "", fmt.Errorf("%s must be a text", name)
	}
	return textOf(raw), nil
}

func (r tableRecord) id(name string) (id.ID, error) {
	text, err := r.text(name)
	if err != nil {
		return id.ID{}, err
	}
	v := parseID(text)
	if v.IsZero() {
		return v, fmt.Errorf("%s is not a UUID", name)
	}
	return v, nil
}
