package storetest

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

func credentialTests() []test {
	return []test{
		{"a credential comes back as it was stored", credentialRoundTrip},
		{"a credential that does not exist is not found", credentialMissing},
		{"a key and a username belong to one credential", credentialConflicts},
		{"credentials are listed oldest first", credentialList},
		{"a revoked credential proves nothing", credentialRevoked},
		{"a credential is edited in the transaction", credentialUpdate},
	}
}

func (w *world) apiKey(account id.ID) *webhook.Credential {
	return &webhook.Credential{
		ID: w.id(), AccountID: account, Kind: webhook.KindAPIKey, Scope: webhook.ScopeAccount,
		KeyHash: sha256.Sum256([]byte(w.name("key"))), KeyHint: "sk_abc", CreatedAt: w.now,
	}
}

func (w *world) user(account id.ID, username string) *webhook.Credential {
	return &webhook.Credential{
		ID: w.id(), AccountID: account, Kind: webhook.KindUser, Scope: webhook.ScopeAccount,
		Username: username, Verifiers: map[string]string{"password": "$argon2id$x"}, CreatedAt: w.now,
	}
}

func credentialRoundTrip(w *world) {
	a := w.root()
	key := w.apiKey(a.ID)
	key.Name, key.Scope = "CI", webhook.ScopeReadOnly
	key.Annotations, key.ExpiresAt = webhook.Annotations{"native.k": json.RawMessage(`{"x":[1]}`)}, w.ago(time.Hour)
	w.must(w.s.CreateCredential(w.ctx, key))
	w.same(must(w.s.CredentialByKey(w.ctx, key.KeyHash))(w), *key)

	user := w.user(a.ID, "ann@example.org")
	user.Verifiers["md5"] = "00ff"
	w.must(w.s.CreateCredential(w.ctx, user))
	w.same(must(w.s.CredentialByUsername(w.ctx, a.ID, user.Username))(w), *user)
	w.same(must(w.s.Credential(w.ctx, key.ID))(w), *key)
	w.same(must(w.s.Credential(w.ctx, user.ID))(w), *user)
}

func credentialMissing(w *world) {
	a := w.root()
	w.must(w.s.CreateCredential(w.ctx, w.apiKey(a.ID)))
	w.must(w.s.CreateCredential(w.ctx, w.user(a.ID, "ann")))
	missing(w.s.CredentialByKey(w.ctx, sha256.Sum256([]byte("another"))))(w)
	missing(w.s.CredentialByKey(w.ctx, [32]byte{}))(w)
	missing(w.s.Credential(w.ctx, w.id()))(w)
	missing(w.s.CredentialByUsername(w.ctx, a.ID, "bob"))(w)
	missing(w.s.CredentialByUsername(w.ctx, a.ID, ""))(w)
	missing(w.s.CredentialByUsername(w.ctx, w.id(), "ann"))(w)
	missing(w.s.UpdateCredential(w.ctx, w.id(), func(*webhook.Credential) error { return nil }))(w)
}

func credentialConflicts(w *world) {
	a, b := w.root(), w.root()
	key := w.apiKey(a.ID)
	w.must(w.s.CreateCredential(w.ctx, key))
	w.must(w.s.CreateCredential(w.ctx, w.user(a.ID, "ann")))

	again := w.apiKey(b.ID)
	again.KeyHash = key.KeyHash
	w.fails(w.s.CreateCredential(w.ctx, again), webhook.CodeConflict, "")
	w.fails(w.s.CreateCredential(w.ctx, w.user(a.ID, "ann")), webhook.CodeConflict, "")

	w.must(w.s.CreateCredential(w.ctx, w.user(b.ID, "ann")))
	w.must(w.s.CreateCredential(w.ctx, w.user(a.ID, "bob")))
	w.must(w.s.CreateCredential(w.ctx, w.apiKey(a.ID)))
	w.same(len(must(w.s.Credentials(w.ctx, a.ID))(w)), 4)
	w.same(len(must(w.s.Credentials(w.ctx, b.ID))(w)), 1)
}

func credentialList(w *world) {
	a, other := w.root(), w.root()
	var want []webhook.Credential
	for i := range 4 {
		c := w.apiKey(a.ID)
		c.CreatedAt = w.in(time.Duration(i) * time.Second)
		w.must(w.s.CreateCredential(w.ctx, c))
		w.must(w.s.CreateCredential(w.ctx, w.apiKey(other.ID)))
		want = append(want, *c)
	}
	w.same(must(w.s.Credentials(w.ctx, a.ID))(w), want)
	w.same(len(must(w.s.Credentials(w.ctx, w.id()))(w)), 0)
}

func credentialRevoked(w *world) {
	a := w.root()
	key := w.apiKey(a.ID)
	w.must(w.s.CreateCredential(w.ctx, key))
	kept := w.apiKey(a.ID)
	w.must(w.s.CreateCredential(w.ctx, kept))
	must(w.s.UpdateCredential(w.ctx, key.ID, func(c *webhook.Credential) error { c.RevokedAt = w.now; return nil }))(w)
	missing(w.s.CredentialByKey(w.ctx, key.KeyHash))(w)
	missing(w.s.Credential(w.ctx, key.ID))(w)
	w.same(must(w.s.Credentials(w.ctx, a.ID))(w), []webhook.Credential{*kept})
}

func credentialUpdate(w *world) {
	a := w.root()
	c := w.user(a.ID, "ann")
	w.must(w.s.CreateCredential(w.ctx, c))
	w.must(w.s.CreateCredential(w.ctx, w.user(a.ID, "bob")))
	want := *c
	want.Name, want.Username, want.Scope, want.ExpiresAt = "Ann", "ann2", webhook.ScopeReadOnly, w.in(time.Hour)
	want.Verifiers, want.Annotations = map[string]string{"md5": "aa"}, webhook.Annotations{"kazoo.x": json.RawMessage(`{"x":[1]}`)}
	got := must(w.s.UpdateCredential(w.ctx, c.ID, func(e *webhook.Credential) error {
		w.same(*e, *c)
		*e = want
		return nil
	}))(w)
	w.same(got, want)
	w.same(must(w.s.CredentialByUsername(w.ctx, a.ID, "ann2"))(w), want)
	missing(w.s.CredentialByUsername(w.ctx, a.ID, "ann"))(w)

	_, err := w.s.UpdateCredential(w.ctx, c.ID, func(e *webhook.Credential) error { e.Username = "bob"; return nil })
	w.fails(err, webhook.CodeConflict, "")
	refusal := webhook.Errorf(webhook.CodeForbidden, "", "no")
	_, err = w.s.UpdateCredential(w.ctx, c.ID, func(e *webhook.Credential) error { e.Name = "x"; return refusal })
	if err != refusal {
		w.Fatalf("the error of change came back as %v", err)
	}
	w.same(must(w.s.CredentialByUsername(w.ctx, a.ID, "ann2"))(w), want)
}
