package kazoo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// accountNote is what the dialect keeps with an account.
type accountNote struct {
	Doc     document   `json:"doc"`
	Private document   `json:"private"`
	System  systemNote `json:"system,omitzero"` // with the root account alone
}

func accountNoteOf(a *webhook.Account) (n accountNote, err error) {
	if err := note(a.Annotations, &n); err != nil {
		return n, fmt.Errorf("annotation of account %s: %w", a.ID, err)
	}
	return n, nil
}

// accountEnabled says whether users of the account may log in. Those of the master
// account always may: nobody else could undo it.
func accountEnabled(a *webhook.Account) bool {
	n, err := accountNoteOf(a)
	return a.IsRoot() || err == nil && n.Doc.flag("enabled", true)
}

func accountRules() []rule {
	return []rule{
		{name: "name", kind: "string", required: true, minLength: 1, maxLength: 128},
		{name: "realm", kind: "string", minLength: 4, maxLength: 253, pattern: realmPattern},
		{name: "language", kind: "string", otherwise: encode(language)},
		{name: "enabled", kind: "boolean", otherwise: encode(true)},
		{name: accountConfigs, kind: "object"},
	}
}

// accountDocument is the document of an account as others see it, and as filters do.
func (c *call) accountDocument(a *webhook.Account) (public, full document, err error) {
	n, err := accountNoteOf(a)
	if err != nil {
		return public, full, err
	}
	root := a.ID
	if len(a.Path) > 0 {
		root = a.Path[0]
	}
	public = n.Doc.clone()
	public.set("name", a.Name)
	if a.UID != "" {
		public.set("realm", a.UID)
	}
	public.merge(object("enabled", n.Doc.flag("enabled", true), "id", a.ID.Hex(), "created", hook.Gregorian(a.CreatedAt),
		"is_reseller", a.IsRoot(), "reseller_id", root.Hex(), "superduper_admin", a.IsRoot()))
	full = public.clone()
	full.merge(n.Private)
	tree := []string{}
	for _, above := range a.Path {
		tree = append(tree, above.Hex())
	}
	full.merge(object("_id", a.ID.Hex(), "pvt_type", "account", "pvt_tree", tree,
		"pvt_created", hook.Gregorian(a.CreatedAt), "pvt_modified", hook.Gregorian(a.UpdatedAt)))
	return public, full, nil
}

func accountRevision(a *webhook.Account) string { return tagOf(encode(a.UpdatedAt.UnixMicro())) }

func (c *call) answerAccount(a *webhook.Account) (*answer, error) {
	public, _, err := c.accountDocument(a)
	if err != nil {
		return nil, err
	}
	return &answer{data: public, revision: accountRevision(a)}, nil
}

func (c *call) showAccount() (*answer, error) { return c.answerAccount(c.account) }

// createAccount makes an account below that of the path, or below the caller's.
func (c *call) createAccount() (*answer, error) {
	parent := c.account
	if parent == nil {
		parent = c.who.account
	}
	made, err := c.api.makeAccount(c.ctx(), parent.ID, submitted(&c.in.data), c.stamp())
	if err != nil {
		return nil, err
	}
	ans, err := c.answerAccount(made)
	if err != nil {
		return nil, err
	}
	ans.status, ans.location = http.StatusCreated, made.ID.Hex()
	return ans, nil
}

func (a *API) makeAccount(ctx context.Context, parent id.ID, doc, private document) (*webhook.Account, error) {
	f := faults{}
	check(&doc, accountRules(), f)
	if err := f.err(); err != nil {
		return nil, err
	}
	realm := strings.ToLower(doc.text("realm"))
	if realm == "" {
		realm = newRealm()
	}
	if err := a.realmFree(ctx, realm, id.ID{}); err != nil {
		return nil, err
	}
	in := webhook.Account{ParentID: parent, Name: doc.text("name"), UID: realm}
	doc.delete("realm")
	if err := annotate(&in.Annotations, accountNote{Doc: doc, Private: private}); err != nil {
		return nil, err
	}
	made, _, err := a.Control.CreateAccount(ctx, in, nil)
	if err != nil {
		return nil, accountFault(err, realm)
	}
	a.tell(ctx, change{made.ID, hooktype.DocCreated, "account", made.ID})
	return made, nil
}

// newRealm makes a realm for an account that was given none. Nothing is reached there.
func newRealm() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	return hex.EncodeToString(b[:]) + ".sip.invalid"
}

// realmFree wants no other account to have the realm.
func (a *API) realmFree(ctx context.Context, realm string, self id.ID) error {
	all, err := a.Control.AccountsWithUID(ctx, realm)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID != self {
			return realmTaken(realm)
		}
	}
	return nil
}

func realmTaken(realm string) error {
	return fault("realm", "unique", "this realm is taken", "cause", realm)
}

// accountFault says in the words of the document what the engine finds wrong.
func accountFault(err error, realm string) error {
	if e, ok := asError(err); ok && e.Field == "uid" {
		return realmTaken(realm)
	}
	return err
}

func (c *call) replaceAccount() (*answer, error) {
	return c.changeAccount(func(document) document { return submitted(&c.in.data) })
}

func (c *call) patchAccount() (*answer, error) {
	return c.changeAccount(func(was document) document {
		was.merge(submitted(&c.in.data))
		return was
	})
}

// changeAccount gives the account the document that become makes of it. A realm that is
// not said stays.
func (c *call) changeAccount(become func(was document) document) (*answer, error) {
	_, doc, err := rewritten(c.account, become)
	if err != nil {
		return nil, err
	}
	realm := strings.ToLower(doc.text("realm"))
	if realm != "" {
		if err := c.api.realmFree(c.ctx(), realm, c.account.ID); err != nil {
			return nil, err
		}
	}
	changed, err := c.api.Control.UpdateAccount(c.ctx(), c.account.ID, func(a *webhook.Account) error {
		n, doc, err := rewritten(a, become)
		if err != nil {
			return err
		}
		if realm != "" {
			a.UID = realm
		}
		a.Name = doc.text("name")
		doc.delete("realm", "created", "is_reseller", "reseller_id", "superduper_admin")
		n.Doc = doc
		return annotate(&a.Annotations, n)
	})
	if err != nil {
		return nil, accountFault(err, realm)
	}
	if err := c.api.settle(c.ctx(), changed); err != nil {
		return nil, err
	}
	c.api.tell(c.ctx(), change{changed.ID, hooktype.DocEdited, "account", changed.ID})
	return c.answerAccount(changed)
}

// rewritten is what is kept with an account, and the document that become makes of the
// one in it, checked.
func rewritten(a *webhook.Account, become func(was document) document) (n accountNote, doc document, err error) {
	if n, err = accountNoteOf(a); err != nil {
		return n, doc, err
	}
	was := n.Doc.clone()
	was.set("name", a.Name)
	doc = become(was)
	f := faults{}
	check(&doc, accountRules(), f)
	return n, doc, f.err()
}

// deleteAccount deletes an account with everything below it: hooks, users, accounts.
func (c *call) deleteAccount() (*answer, error) {
	ans, err := c.answerAccount(c.account)
	if err != nil {
		return nil, err
	}
	if err := c.api.removeAccount(c.ctx(), c.account); err != nil {
		return nil, err
	}
	ans.data = deleted(ans.data.(document))
	return ans, nil
}

// removeAccount tells of the deletion first: afterwards nobody would know whose
// descendant it was.
func (a *API) removeAccount(ctx context.Context, account *webhook.Account) error {
	if account.IsRoot() {
		return forbidden()
	}
	a.tell(ctx, change{account.ID, hooktype.DocDeleted, "account", account.ID})
	return a.Control.DeleteAccount(ctx, account.ID)
}

func (c *call) listChildren() (*answer, error) {
	return c.listAccounts(func(p webhook.Page) (webhook.Slice[webhook.Account], error) {
		return c.api.Control.Accounts(c.ctx(), c.account.ID, p)
	})
}

func (c *call) listDescendants() (*answer, error) {
	return c.listAccounts(func(p webhook.Page) (webhook.Slice[webhook.Account], error) {
		return c.api.Control.Descendants(c.ctx(), c.account.ID, p)
	})
}

func (c *call) listAccounts(read func(p webhook.Page) (webhook.Slice[webhook.Account], error)) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	all, err := everything(read, func(a *webhook.Account) id.ID { return a.ID })
	if err != nil {
		return nil, err
	}
	rows := make([]row, len(all))
	for i := range all {
		_, full, err := c.accountDocument(&all[i])
		if err != nil {
			return nil, err
		}
		show := full.keep(func(name string) bool { return name == "id" || name == "name" || name == "realm" })
		tree := show.clone()
		tree.set("tree", full.get("pvt_tree"))
		rows[len(all)-1-i] = row{key: all[i].ID.Hex(), show: tree, full: full}
	}
	return c.listed(p, rows), nil
}

// resetKey gives the account a new API key, which is shown this once, and ends those
// that it had of this dialect.
func (c *call) resetKey() (*answer, error) {
	held, err := c.api.Control.Keys(c.ctx(), c.account.ID)
	if err != nil {
		return nil, err
	}
	var b [keyLength / 2]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	key := webhook.Secret(hex.EncodeToString(b[:]))
	in := webhook.Credential{AccountID: c.account.ID, Scope: webhook.ScopeAccount, Name: keyName}
	if err := annotate(&in.Annotations, credentialNote{}); err != nil {
		return nil, err
	}
	if _, err := c.api.Control.AddKey(c.ctx(), in, key); err != nil {
		return nil, err
	}
	for i := range held {
		if !isOurs(&held[i]) {
			continue
		}
		err := c.api.Control.RevokeKey(c.ctx(), c.account.ID, held[i].ID)
		if err != nil && webhook.CodeOf(err) != webhook.CodeNotFound {
			return nil, err
		}
	}
	return &answer{status: http.StatusCreated, data: object("api_key", key.Reveal())}, nil
}

// keyName is what keys of api_auth are called in lists.
const keyName = "kazoo api_auth"
