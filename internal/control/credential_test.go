package control_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// another returns a further control over the world's database, as on another node.
func (w *world) another() *control.Control {
	w.Helper()
	d, err := directory.New(directory.Options{Store: w.s})
	w.must(err)
	w.must(d.Load(w.Context()))
	c, err := control.New(control.Options{
		Store: w.s, Directory: d, Services: map[string]deliver.Service{}, Now: func() time.Time { return w.now },
	})
	w.must(err)
	return c
}

func (w *world) newKey(cr webhook.Credential) (*webhook.Credential, string) {
	w.Helper()
	made, key, err := w.c.CreateKey(w.Context(), cr)
	w.must(err)
	return made, key
}

func TestKeysAreLongRandomAndNeverShownAgain(t *testing.T) {
	w := newWorld(t)
	cr, key := w.newKey(webhook.Credential{AccountID: w.root.ID, Scope: webhook.ScopeAccount, Name: "CI"})
	if !regexp.MustCompile(`^shk_[0-9A-Za-z]{43}$`).MatchString(key) {
		t.Errorf("the key %q is spelled differently", key)
	}
	_, other := w.newKey(webhook.Credential{AccountID: w.root.ID, Scope: webhook.ScopeAccount, Name: "CI"})
	if other == key {
		t.Error("two keys are the same")
	}
	w.same(cr.KeyHint, key[:8])
	keys, err := w.c.Keys(t.Context(), w.root.ID)
	w.must(err)
	w.same(len(keys), 3) // EnsureRoot made one
	w.same(keys[1], *cr)
	if cr.KeyHash == [32]byte{} || strings.Contains(string(cr.KeyHash[:]), key[4:12]) {
		t.Error("the key is not kept as a hash")
	}
}

func TestAKeyOfOneDialectProvesNothingToAnother(t *testing.T) {
	w := newWorld(t)
	_, plain := w.newKey(webhook.Credential{AccountID: w.root.ID, Scope: webhook.ScopeAccount})
	_, theirs := w.newKey(webhook.Credential{
		AccountID: w.root.ID, Scope: webhook.ScopeAccount, Annotations: webhook.Annotations{"wazo": json.RawMessage(`{}`)},
	})
	_, ours := w.newKey(webhook.Credential{
		AccountID: w.root.ID, Scope: webhook.ScopeAccount, Annotations: webhook.Annotations{"native": json.RawMessage(`{}`)},
	})
	for _, c := range []struct {
		dialect, key string
		good         bool
	}{
		{"native", plain, true},
		{"wazo", plain, true},
		{"native", ours, true},
		{"wazo", ours, false},
		{"native", theirs, false},
		{"wazo", theirs, true},
		{"kazoo", theirs, false},
	} {
		_, err := w.c.AuthenticateFor(t.Context(), c.dialect, c.key)
		if good := err == nil; good != c.good {
			t.Errorf("%s: %v", c.dialect, err)
		}
	}
	_, err := w.c.Authenticate(t.Context(), theirs)
	w.same(webhook.CodeOf(err), webhook.CodeUnauthorized)
}

func TestTokensThatProveNothing(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	revoked, revokedKey := w.newKey(webhook.Credential{AccountID: app.ID, Scope: webhook.ScopeAccount})
	_, expiredKey := w.newKey(webhook.Credential{
		AccountID: app.ID, Scope: webhook.ScopeAccount, ExpiresAt: w.now.Add(time.Minute),
	})
	gone := w.app()
	_, orphanKey := w.newKey(webhook.Credential{AccountID: gone.ID, Scope: webhook.ScopeRoot})
	for _, key := range []string{revokedKey, expiredKey, orphanKey} {
		_, err := w.c.Authenticate(t.Context(), key)
		w.must(err)
	}
	w.must(w.c.RevokeKey(t.Context(), app.ID, revoked.ID))
	w.must(w.c.DeleteAccount(t.Context(), gone.ID))
	w.now = w.now.Add(time.Minute)

	for token, says := range map[string]string{
		"":                                 "not an API key",
		"nonsense":                         "not an API key",
		"shk_short":                        "not an API key",
		"shk_" + strings.Repeat("a", 44):   "not an API key",
		"shk_" + strings.Repeat("a", 43):   "not known",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2": "signing secret",
		revokedKey:                         "not known or was revoked",
		expiredKey:                         "expired",
		orphanKey:                          "",
	} {
		_, err := w.c.Authenticate(t.Context(), token)
		if webhook.CodeOf(err) != webhook.CodeUnauthorized || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want unauthorized with %q", token, err, says)
		}
	}
}

func TestAKeyThatIsRevokedElsewhereEndsWithTheNextRefresh(t *testing.T) {
	w := newWorld(t)
	cr, key := w.newKey(webhook.Credential{AccountID: w.root.ID, Scope: webhook.ScopeAccount})
	elsewhere := w.another()
	_, err := elsewhere.Authenticate(t.Context(), key)
	w.must(err)
	w.must(elsewhere.RevokeKey(t.Context(), w.root.ID, cr.ID))
	w.must(w.d.Refresh(t.Context()))
	_, err = w.c.Authenticate(t.Context(), key)
	w.fails(err, webhook.CodeUnauthorized, "")
}

func TestHowFarPrincipalsReach(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	below, _, err := w.c.CreateAccount(t.Context(), webhook.Account{ParentID: app.ID, Name: "below"}, nil)
	w.must(err)
	other := w.app()
	for _, c := range []struct {
		scope              webhook.Scope
		self, below        bool // can be managed
		seeSelf, seesBelow bool
		organisation       bool
	}{
		{webhook.ScopeRoot, true, true, true, true, true},
		{webhook.ScopeAccount, true, false, true, false, false},
		{webhook.ScopeReadOnly, false, false, true, false, false},
	} {
		_, key := w.newKey(webhook.Credential{AccountID: app.ID, Scope: c.scope})
		p, err := w.c.Authenticate(t.Context(), key)
		w.must(err)
		w.same(p.CanManage(app), c.self)
		w.same(p.CanManage(below), c.below)
		w.same(p.CanSee(app), c.seeSelf)
		w.same(p.CanSee(below), c.seesBelow)
		w.same(p.Organisation(), c.organisation)
		w.same(p.ReadOnly(), c.scope == webhook.ScopeReadOnly)
		for _, elsewhere := range []*webhook.Account{other, w.root} {
			w.same(p.CanSee(elsewhere), false)
			w.same(p.CanManage(elsewhere), false)
		}
	}
}

func TestCredentialsThatAreRefused(t *testing.T) {
	w := newWorld(t, func(o *control.Options) { o.Limits.Keys = 2 })
	for field, cr := range map[string]webhook.Credential{
		"scope":     {AccountID: w.root.ID, Scope: "everything"},
		"name":      {AccountID: w.root.ID, Scope: webhook.ScopeRoot, Name: "a\nb"},
		"expiresAt": {AccountID: w.root.ID, Scope: webhook.ScopeRoot, ExpiresAt: w.now},
	} {
		_, _, err := w.c.CreateKey(t.Context(), cr)
		w.fails(err, webhook.CodeInvalid, field)
	}
	_, _, err := w.c.CreateKey(t.Context(), webhook.Credential{AccountID: id.New(), Scope: webhook.ScopeRoot})
	w.fails(err, webhook.CodeNotFound, "")
	w.newKey(webhook.Credential{AccountID: w.root.ID, Scope: webhook.ScopeRoot})
	_, _, err = w.c.CreateKey(t.Context(), webhook.Credential{AccountID: w.root.ID, Scope: webhook.ScopeRoot})
	w.fails(err, webhook.CodeLimit, "")
	w.fails(w.c.RevokeKey(t.Context(), w.root.ID, id.New()), webhook.CodeNotFound, "")
	keys, err := w.c.Keys(t.Context(), w.root.ID)
	w.must(err)
	w.fails(w.c.RevokeKey(t.Context(), w.app().ID, keys[0].ID), webhook.CodeNotFound, "")
}

func TestKeysOfShortLifeDoNotPileUp(t *testing.T) {
	w := newWorld(t, func(o *control.Options) { o.Limits.Keys = 10 })
	app := w.app()
	for range 30 {
		w.newKey(webhook.Credential{AccountID: app.ID, Scope: webhook.ScopeAccount, ExpiresAt: w.now.Add(time.Minute)})
		w.now = w.now.Add(15 * time.Second)
	}
	keys, err := w.c.Keys(t.Context(), app.ID)
	w.must(err)
	if len(keys) > 6 {
		t.Errorf("%d keys are kept, 4 of them usable", len(keys))
	}
}

func TestAnOrganisationRevokesKeysBelowIt(t *testing.T) {
	w := newWorld(t)
	app, other := w.app(), w.app()
	cr, key := w.newKey(webhook.Credential{AccountID: app.ID, Scope: webhook.ScopeAccount})
	w.fails(w.c.RevokeKeyBelow(t.Context(), other.ID, cr.ID), webhook.CodeNotFound, "")
	_, err := w.c.Authenticate(t.Context(), key)
	w.must(err)
	w.must(w.c.RevokeKeyBelow(t.Context(), w.root.ID, cr.ID))
	_, err = w.c.Authenticate(t.Context(), key)
	w.fails(err, webhook.CodeUnauthorized, "")
	w.fails(w.c.RevokeKeyBelow(t.Context(), w.root.ID, cr.ID), webhook.CodeNotFound, "")
}

func TestUsersAreKeptWithTheirVerifiers(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	u, err := w.c.CreateUser(t.Context(), webhook.Credential{
		AccountID: app.ID, Scope: webhook.ScopeAccount, Username: "ada", Verifiers: map[string]string{"password": "$x$"},
	})
	w.must(err)
	_, err = w.c.CreateUser(t.Context(), webhook.Credential{AccountID: app.ID, Scope: webhook.ScopeAccount, Username: "ada"})
	w.fails(err, webhook.CodeConflict, "username")
	_, err = w.c.CreateUser(t.Context(), webhook.Credential{AccountID: app.ID, Scope: webhook.ScopeAccount})
	w.fails(err, webhook.CodeInvalid, "username")
	got, err := w.c.FindUser(t.Context(), app.ID, "ada")
	w.must(err)
	w.same(got, u)

	changed, err := w.c.UpdateCredential(t.Context(), app.ID, u.ID, func(cr *webhook.Credential) error {
		cr.Verifiers["password"] = "$y$"
		cr.Kind, cr.KeyHash = webhook.KindAPIKey, [32]byte{1}
		return nil
	})
	w.must(err)
	w.same(changed.Kind, webhook.KindUser)
	w.same(changed.KeyHash, [32]byte{})
	w.same(changed.Verifiers, map[string]string{"password": "$y$"})
	users, err := w.c.Users(t.Context(), app.ID)
	w.must(err)
	w.same(len(users), 1)
	w.must(w.c.RevokeCredential(t.Context(), app.ID, u.ID))
	_, err = w.c.FindUser(t.Context(), app.ID, "ada")
	w.fails(err, webhook.CodeNotFound, "")
	_, err = w.c.UpdateCredential(t.Context(), app.ID, u.ID, func(*webhook.Credential) error { return nil })
	w.fails(err, webhook.CodeNotFound, "")
}
