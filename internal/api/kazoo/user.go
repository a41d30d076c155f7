package kazoo

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/password"
	"github.com/switchhook/switchhook/internal/webhook"
)

func userRules() []rule {
	return []rule{
		{name: "username", kind: "string", minLength: 1, maxLength: 256},
		{name: "password", kind: "string", minLength: 1, maxLength: 1024},
		{name: "first_name", kind: "string", minLength: 1, maxLength: 128},
		{name: "last_name", kind: "string", minLength: 1, maxLength: 128},
		{name: "email", kind: "string"},
		{name: "priv_level", kind: "string", enum: []string{"user", "admin"}, otherwise: encode("user")},
		{name: "enabled", kind: "boolean", otherwise: encode(true)},
	}
}

// userDocument is the document of a user as others see it, and as filters do.
func userDocument(cr *webhook.Credential) (public, full document, err error) {
	n, err := noteOf(cr)
	if err != nil {
		return public, full, err
	}
	public = n.Doc.clone()
	public.set("id", cr.ID.Hex())
	full = public.clone()
	full.merge(n.Private)
	full.merge(object("_id", cr.ID.Hex(), "pvt_type", "user", "pvt_account_id", cr.AccountID.Hex()))
	return public, full, nil
}

func answerUser(cr *webhook.Credential) (*answer, error) {
	public, _, err := userDocument(cr)
	if err != nil {
		return nil, err
	}
	return &answer{data: public, revision: tagOf(encode(public))}, nil
}

// findUser returns the user of the path.
func (c *call) findUser() (*webhook.Credential, error) {
	name := c.params["user"]
	user, err := id.Parse(name)
	if err != nil || name != user.Hex() {
		return nil, badIdentifier(name)
	}
	cr, err := c.api.Control.FindCredential(c.ctx(), c.account.ID, user)
	if webhook.CodeOf(err) == webhook.CodeNotFound || err == nil && (cr.Kind != webhook.KindUser || !isOurs(cr)) {
		return nil, badIdentifier(name)
	}
	return cr, err
}

func (c *call) showUser() (*answer, error) {
	cr, err := c.findUser()
	if err != nil {
		return nil, err
	}
	return answerUser(cr)
}

// users lists the users of an account that are this dialect's, oldest first.
func (a *API) users(ctx context.Context, account id.ID) ([]webhook.Credential, error) {
	all, err := a.Control.Users(ctx, account)
	return slices.DeleteFunc(all, func(cr webhook.Credential) bool { return !isOurs(&cr) }), err
}

func (c *call) listUsers() (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	users, err := c.api.users(c.ctx(), c.account.ID)
	if err != nil {
		return nil, err
	}
	slices.Reverse(users) // they come oldest first
	var rows []row
	for i := range users {
		_, full, err := userDocument(&users[i])
		if err != nil {
			return nil, err
		}
		show := full.keep(func(name string) bool {
			return slices.Contains([]string{"id", "username", "first_name", "last_name", "email", "priv_level"}, name)
		})
		rows = append(rows, row{key: users[i].ID.Hex(), show: show, full: full})
	}
	return c.listed(p, rows), nil
}

func (c *call) createUser() (*answer, error) {
	made, err := c.api.makeUser(c.ctx(), c.account, submitted(&c.in.data), c.stamp())
	if err != nil {
		return nil, err
	}
	ans, err := answerUser(made)
	if err != nil {
		return nil, err
	}
	ans.status, ans.location = http.StatusCreated, made.ID.Hex()
	return ans, nil
}

// makeUser makes a user of a document. Only slow hashes of what logins prove are kept
// of the password.
func (a *API) makeUser(ctx context.Context, account *webhook.Account, doc, private document) (*webhook.Credential, error) {
	secret, err := checkUser(&doc)
	if err != nil {
		return nil, err
	}
	in := webhook.Credential{AccountID: account.ID, Scope: webhook.ScopeAccount, Username: doc.text("username")}
	if in.Verifiers, err = a.verifiers(ctx, account.ID, in.Username, secret); err != nil {
		return nil, err
	}
	if in.Username == "" {
		in.Username = id.New().Hex() // such a user cannot log in, but wants a name
	}
	if err := annotate(&in.Annotations, credentialNote{Doc: doc, Private: private}); err != nil {
		return nil, err
	}
	made, err := a.Control.CreateUser(ctx, in)
	if err != nil {
		return nil, userFault(err, in.Username)
	}
	a.tell(ctx, change{account.ID, hooktype.DocCreated, "user", made.ID})
	return made, nil
}

// checkUser completes a user's document, takes the password out of it, and says what is
// wrong.
func checkUser(doc *document) (secret webhook.Secret, err error) {
	f := faults{}
	check(doc, userRules(), f)
	if err := f.err(); err != nil {
		return "", err
	}
	secret = webhook.Secret(doc.text("password"))
	doc.delete("password")
	if doc.has("username") {
		doc.set("username", strings.ToLower(doc.text("username")))
	} else if secret != "" {
		return "", fault("username", "required", missing, "value", "username")
	}
	return secret, nil
}

// verifiers hashes what logins prove: digests of name and password. One salt serves all
// users of an account, so that a login costs one hash and not one for each user; two
// digests are alike only if name and password are.
func (a *API) verifiers(ctx context.Context, account id.ID, username string, secret webhook.Secret) (map[string]string, error) {
	if secret == "" {
		return nil, nil
	}
	done, err := a.hash(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	text := []byte(username + ":" + secret.Reveal())
	ofMD5, ofSHA := md5.Sum(text), sha1.Sum(text)
	hash := func(digest []byte) string {
		return password.Hash(webhook.Secret(hex.EncodeToString(digest)), account[:], a.PasswordCost)
	}
	return map[string]string{methodMD5: hash(ofMD5[:]), methodSHA: hash(ofSHA[:])}, nil
}

// userFault says in the words of the document what the engine finds wrong.
func userFault(err error, username string) error {
	if e, ok := asError(err); ok && e.Code == webhook.CodeConflict && e.Field == "username" {
		return fault("username", "unique", "this username is taken", "cause", username)
	}
	return err
}

func (c *call) replaceUser() (*answer, error) {
	return c.changeUser(func(document) document { return submitted(&c.in.data) })
}

func (c *call) patchUser() (*answer, error) {
	return c.changeUser(func(was document) document {
		was.merge(submitted(&c.in.data))
		return was
	})
}

func (c *call) changeUser(become func(was document) document) (*answer, error) {
	cr, err := c.findUser()
	if err != nil {
		return nil, err
	}
	n, err := noteOf(cr)
	if err != nil {
		return nil, err
	}
	changed, err := c.api.rewriteUser(c.ctx(), cr, become(n.Doc.clone()))
	if err != nil {
		return nil, err
	}
	return answerUser(changed)
}

// rewriteUser gives a user another document.
func (a *API) rewriteUser(ctx context.Context, cr *webhook.Credential, doc document) (*webhook.Credential, error) {
	secret, err := checkUser(&doc)
	if err != nil {
		return nil, err
	}
	username := doc.text("username")
	verifiers, err := a.verifiers(ctx, cr.AccountID, username, secret)
	if err != nil {
		return nil, err
	}
	changed, err := a.Control.UpdateCredential(ctx, cr.AccountID, cr.ID, func(cr *webhook.Credential) error {
		n, err := noteOf(cr)
		if err != nil {
			return err
		}
		switch named := n.Doc.text("username"); {
		case verifiers != nil:
			cr.Verifiers = verifiers
		case username != named && len(cr.Verifiers) > 0:
			// The name is part of what logins prove.
			return fault("password", "required", "a new username needs the password", "value", "password")
		}
		if username != "" {
			cr.Username = username
		}
		n.Doc = doc
		n.Private = n.Private.clone()
		n.Private.set("pvt_modified", hook.Gregorian(a.Now()))
		return annotate(&cr.Annotations, n)
	})
	if err != nil {
		return nil, userFault(err, username)
	}
	a.tell(ctx, change{cr.AccountID, hooktype.DocEdited, "user", cr.ID})
	return changed, nil
}

func (c *call) deleteUser() (*answer, error) {
	cr, err := c.findUser()
	if err != nil {
		return nil, err
	}
	ans, err := answerUser(cr)
	if err != nil {
		return nil, err
	}
	err = c.api.Control.RevokeCredential(c.ctx(), c.account.ID, cr.ID)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, badIdentifier(c.params["user"])
	}
	if err != nil {
		return nil, err
	}
	ans.data = deleted(ans.data.(document))
	c.api.tell(c.ctx(), change{c.account.ID, hooktype.DocDeleted, "user", cr.ID})
	return ans, nil
}
