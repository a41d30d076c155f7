package kazoo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/password"
	"github.com/switchhook/switchhook/internal/webhook"
)

// moved says what an import stored. What was there already is not in it.
type moved struct {
	Accounts int `json:"accounts"`
	Users    int `json:"users"`
	Hooks    int `json:"hooks"`
	Skipped  int `json:"skipped"` // deleted, of another kind, or there already
}

// importDocuments takes over documents of a CouchDB, as _all_docs?include_docs=true shows
// them: hooks of the webhooks database, accounts, users. All of it is stored, or nothing.
// Hooks of accounts that are not known make these, below the master account and named
// by their ids.
func (a *API) importDocuments(r *http.Request) (any, error) {
	root, err := a.Control.Root(r.Context())
	if err != nil {
		return nil, err
	}
	m := &move{api: a, root: root, known: map[id.ID]*webhook.Account{root.ID: root}, wanted: map[id.ID]bool{}, settings: map[id.ID]Settings{}}
	err = eachDocument(r.Body, func(n int, doc document) error {
		if err := m.take(doc); err != nil {
			return rowFault(n, doc.text("_id"), err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m.finish(r.Context())
}

// rowFault says in which row of the file something is wrong.
func rowFault(n int, name string, err error) error {
	e, ok := asError(plain(err))
	if !ok {
		return err
	}
	if e.Field != "" {
		return webhook.Errorf(e.Code, "", "row %d, document %s: %s: %s", n, name, e.Field, e.Message)
	}
	return webhook.Errorf(e.Code, "", "row %d, document %s: %s", n, name, e.Message)
}

// maxDocument bounds one row of an import, in bytes of memory that its JSON may take.
const maxDocument = 8 << 20

// eachDocument goes through the rows of an _all_docs answer. Rows are counted from 1.
func eachDocument(body io.Reader, visit func(n int, doc document) error) error {
	d := json.NewDecoder(body)
	if err := open(d, '{'); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return unreadableFile(err)
		}
		if name != "rows" {
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				return unreadableFile(err)
			}
			continue
		}
		return eachRow(d, visit)
	}
	return webhook.Errorf(webhook.CodeInvalid, "rows", "must be there: the file is what _all_docs?include_docs=true answers")
}

func eachRow(d *json.Decoder, visit func(n int, doc document) error) error {
	if err := open(d, '['); err != nil {
		return err
	}
	n := 0
	for d.More() {
		n++
		var raw struct {
			Doc json.RawMessage `json:"doc"`
		}
		if err := d.Decode(&raw); err != nil {
			return webhook.Errorf(webhook.CodeInvalid, "", "row %d: %v", n, err)
		}
		switch {
		case len(raw.Doc) == 0:
			return webhook.Errorf(webhook.CodeInvalid, "", "row %d has no doc: ask for _all_docs?include_docs=true", n)
		case len(raw.Doc) > maxDocument:
			return webhook.Errorf(webhook.CodeTooLarge, "", "row %d: the document is larger than %d bytes", n, maxDocument)
		case isNull(raw.Doc):
			continue // it was deleted
		}
		doc, err := parseDocument(raw.Doc)
		if err != nil {
			return rowFault(n, "", err)
		}
		if err := visit(n, doc); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return unreadableFile(err)
	}
	return nil
}

// open reads the bracket that something begins with.
func open(d *json.Decoder, bracket json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return unreadableFile(err)
	}
	if t != bracket {
		return webhook.Errorf(webhook.CodeInvalid, "", "the file is not what _all_docs?include_docs=true answers")
	}
	return nil
}

func unreadableFile(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return webhook.Errorf(webhook.CodeInvalid, "", "the file is not valid JSON: %v", err)
}

// move gathers what moves in.
type move struct {
	api  *API
	root *webhook.Account

	accounts []movedAccount
	users    []document
	hooks    []document
	skipped  int

	known    map[id.ID]*webhook.Account // stored, or about to be
	wanted   map[id.ID]bool             // accounts that something belongs to
	settings map[id.ID]Settings         // of those with hooks
	bundle   control.Bundle
}

type movedAccount struct {
	id   id.ID
	tree []id.ID // in Kazoo: its master account first, parent last
	doc  document
}

// take sorts a document.
func (m *move) take(doc document) error {
	kind := doc.text("pvt_type")
	if kind == "" && doc.has("hook") && doc.has("uri") {
		kind = "webhook" // before documents had types
	}
	if doc.flag("pvt_deleted", false) || strings.HasPrefix(doc.text("_id"), "_design/") {
		kind = ""
	}
	switch kind {
	case "account":
		return m.takeAccount(doc)
	case "user":
		m.users = append(m.users, doc)
		return m.want(doc)
	case "webhook":
		if err := m.want(doc); err != nil {
			return err
		}
		for _, migrated := range migrate(doc) {
			public, f := submittedHook(&migrated), faults{}
			if m.api.checkShape(&public, f); f.err() != nil {
				return f.err()
			}
			m.hooks = append(m.hooks, migrated)
		}
		return nil
	}
	m.skipped++
	return nil
}

// want notes the account that a document belongs to.
func (m *move) want(doc document) error {
	account, err := id.Parse(doc.text("pvt_account_id"))
	if err != nil {
		return webhook.Errorf(webhook.CodeInvalid, "pvt_account_id", "must be the id of an account")
	}
	m.wanted[account] = true
	return nil
}

func (m *move) takeAccount(doc document) error {
	self, err := id.Parse(doc.text("_id"))
	if err != nil {
		return webhook.Errorf(webhook.CodeInvalid, "_id", "must be the id of an account")
	}
	var tree []string
	if raw := doc.get("pvt_tree"); raw != nil && json.Unmarshal(raw, &tree) != nil {
		return webhook.Errorf(webhook.CodeInvalid, "pvt_tree", "must be a list of ids")
	}
	a := movedAccount{id: self, doc: doc}
	for _, text := range tree {
		above, err := id.Parse(text)
		if err != nil {
			return webhook.Errorf(webhook.CodeInvalid, "pvt_tree", "must be a list of ids")
		}
		a.tree = append(a.tree, above)
		m.wanted[above] = true
	}
	m.accounts = append(m.accounts, a)
	return nil
}

// migrate gives a document the shape of today: hooks that were types of their own are
// notifications, and those for faxes two, of successes and of failures.
func migrate(doc document) []document {
	former := doc.text("hook")
	if former != "callflow" && former != "inbound_fax" && former != "outbound_fax" {
		return []document{doc}
	}
	custom, err := parseDocument(doc.get("custom_data"))
	if err != nil {
		custom = document{}
	}
	as := func(d document, event string) document {
		d, custom := d.clone(), custom.clone()
		custom.set("type", event)
		d.set("hook", "notifications")
		d.set("custom_data", custom)
		return d
	}
	if former == "callflow" {
		return []document{as(doc, former)}
	}
	good, bad := as(doc, former), as(doc, former+"_error")
	sum := sha256.Sum256([]byte(doc.text("_id") + "_error"))
	other := hex.EncodeToString(sum[:16]) // the same in every import
	bad.set("_id", other)
	bad.set("other_id", doc.text("_id"))
	good.set("other_id", other)
	return []document{good, bad}
}

// finish stores what was taken.
func (m *move) finish(ctx context.Context) (any, error) {
	if err := m.addAccounts(ctx); err != nil {
		return nil, err
	}
	for _, doc := range m.users {
		if err := m.addUser(ctx, doc); err != nil {
			return nil, err
		}
	}
	for _, doc := range m.hooks {
		if err := m.addHook(ctx, doc); err != nil {
			return nil, err
		}
	}
	users := len(m.bundle.Credentials)
	did, err := m.api.Control.AddBundle(ctx, m.bundle)
	if err != nil {
		return nil, m.explain(err)
	}
	m.skipped += len(m.bundle.Endpoints) - did.Endpoints
	return moved{Accounts: did.Accounts, Users: users, Hooks: did.Endpoints, Skipped: m.skipped}, nil
}

// explain names the document of what cannot be stored.
func (m *move) explain(err error) error {
	e, ok := asError(err)
	if !ok {
		return err
	}
	kind, rest, _ := strings.Cut(e.Field, ".")
	place, field, _ := strings.Cut(rest, ".")
	at, perr := strconv.Atoi(place)
	b, name := &m.bundle, ""
	switch {
	case perr != nil:
	case kind == "accounts" && at < len(b.Accounts):
		name = b.Accounts[at].ID.Hex()
	case kind == "credentials" && at < len(b.Credentials):
		name = b.Credentials[at].ID.Hex()
	case kind == "endpoints" && at < len(b.Endpoints):
		name = b.Endpoints[at].Endpoint.UID
	}
	if name == "" {
		return err
	}
	return webhook.Errorf(e.Code, "", "document %s: %s: %s", name, field, e.Message)
}

// addAccounts adds accounts that are not there yet, those above others first.
func (m *move) addAccounts(ctx context.Context) error {
	named := map[id.ID]movedAccount{}
	for _, a := range m.accounts {
		named[a.id] = a
		m.wanted[a.id] = true
	}
	all := make([]movedAccount, 0, len(m.wanted))
	for account := range m.wanted {
		a := named[account]
		a.id = account
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b movedAccount) int {
		if c := len(a.tree) - len(b.tree); c != 0 {
			return c
		}
		return a.id.Compare(b.id)
	})
	for _, a := range all {
		if err := m.addAccount(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (m *move) addAccount(ctx context.Context, a movedAccount) error {
	found, err := m.api.Control.Account(ctx, a.id)
	if err == nil {
		m.known[a.id] = found
		if a.doc.has("_id") {
			m.skipped++
		}
		return nil
	}
	if webhook.CodeOf(err) != webhook.CodeNotFound {
		return err
	}
	parent := m.root
	if len(a.tree) > 0 {
		if parent = m.known[a.tree[len(a.tree)-1]]; parent == nil {
			return webhook.Errorf(webhook.CodeInvalid, "pvt_tree", "the trees of account %s and those above it do not fit together", a.id.Hex())
		}
	}
	private := a.doc.keep(isPrivate)
	private.delete("_id", "_rev")
	account := webhook.Account{
		ID: a.id, ParentID: parent.ID, Path: append(slices.Clone(parent.Path), parent.ID),
		Name: a.doc.text("name"), UID: strings.ToLower(a.doc.text("realm")),
		CreatedAt: m.since(private), UpdatedAt: m.api.Now().UTC(),
	}
	if account.Name == "" {
		account.Name = a.id.Hex()
	}
	if account.UID == "" {
		account.UID = newRealm()
	}
	doc := submitted(&a.doc)
	doc.delete("realm")
	if err := annotate(&account.Annotations, accountNote{Doc: doc, Private: private}); err != nil {
		return err
	}
	m.known[a.id] = &account
	m.bundle.Accounts = append(m.bundle.Accounts, account)
	return nil
}

// addUser adds a user with hashes of what Kazoo kept of the password.
func (m *move) addUser(ctx context.Context, doc document) error {
	account, err := id.Parse(doc.text("pvt_account_id"))
	if err != nil {
		return err
	}
	self, err := id.Parse(doc.text("_id"))
	if err != nil {
		return webhook.Errorf(webhook.CodeInvalid, "", "user %s: the id is not one of Kazoo's", doc.text("_id"))
	}
	username := strings.ToLower(doc.text("username"))
	if username == "" {
		username = self.Hex()
	}
	for _, find := range []func() (*webhook.Credential, error){
		func() (*webhook.Credential, error) { return m.api.Control.FindCredential(ctx, account, self) },
		func() (*webhook.Credential, error) { return m.api.Control.FindUser(ctx, account, username) },
	} {
		_, err := find()
		if err == nil {
			m.skipped++
			return nil
		}
		if webhook.CodeOf(err) != webhook.CodeNotFound {
			return err
		}
	}
	cr := webhook.Credential{
		ID: self, AccountID: account, Kind: webhook.KindUser, Scope: webhook.ScopeAccount,
		Username: username, Verifiers: map[string]string{},
	}
	for method, name := range map[string]string{methodMD5: "pvt_md5_auth", methodSHA: "pvt_sha1_auth"} {
		if digest := strings.ToLower(doc.text(name)); digest != "" {
			cr.Verifiers[method] = password.Hash(webhook.Secret(digest), account[:], m.api.PasswordCost)
		}
	}
	public, private := submitted(&doc), doc.keep(isPrivate)
	public.delete("password")
	private.delete("_id", "_rev", "pvt_md5_auth", "pvt_sha1_auth")
	cr.CreatedAt = m.since(private)
	if err := annotate(&cr.Annotations, credentialNote{Doc: public, Private: private}); err != nil {
		return err
	}
	m.bundle.Credentials = append(m.bundle.Credentials, cr)
	return nil
}

// addHook adds a hook that was checked.
func (m *move) addHook(ctx context.Context, doc document) error {
	account, err := id.Parse(doc.text("pvt_account_id"))
	if err != nil {
		return err
	}
	name := doc.text("_id")
	_, err = m.api.Control.FindEndpoint(ctx, account, id.ID{}, name)
	if err == nil {
		m.skipped++
		return nil
	}
	if webhook.CodeOf(err) != webhook.CodeNotFound {
		return err
	}
	self, err := id.Parse(name)
	if err != nil {
		self = id.New()
	}
	s, known := m.settings[account]
	if !known {
		if s, err = m.api.settingsOf(ctx, m.known[account]); err != nil {
			return err
		}
		m.settings[account] = s
	}
	n := hookNote{Doc: submittedHook(&doc), Private: doc.keep(isPrivate)}
	message := n.Private.text("pvt_disabled_message")
	n.Private.delete("_id", "_rev", "pvt_disabled_message")
	m.api.checkShape(&n.Doc, faults{}) // for what holds otherwise: nothing is wrong, take has looked
	now := m.api.Now().UTC()
	e := webhook.Endpoint{ID: self, AccountID: account, UID: name, Version: 1, CreatedAt: m.since(n.Private), UpdatedAt: now}
	subs, err := m.api.apply(&e, nil, n, s)
	if err != nil {
		return err
	}
	if !e.Enabled {
		e.DisabledReason, e.DisabledAt = webhook.DisabledByOwner, now
		if message != "" {
			e.DisabledReason = hook.DisabledReason
		}
	}
	sub := subs[0]
	sub.ID, sub.AccountID, sub.EndpointID, sub.CreatedAt, sub.UpdatedAt = id.New(), account, e.ID, now, now
	m.bundle.Endpoints = append(m.bundle.Endpoints, control.NewPlace{Endpoint: e, Health: webhook.Health{EndpointID: e.ID}})
	m.bundle.Subscriptions = append(m.bundle.Subscriptions, sub)
	return nil
}

// since is when a document says that it was made, or now.
func (m *move) since(private document) time.Time {
	if n := private.number("pvt_created"); n > 0 {
		if at := hook.FromGregorian(n); at.Unix() > 0 {
			return at
		}
	}
	return m.api.Now().UTC()
}
