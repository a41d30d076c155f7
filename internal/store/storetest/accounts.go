package storetest

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func accountTests() []test {
	return []test{
		{"an account comes back as it was stored", accountRoundTrip},
		{"an account that does not exist is not found", accountMissing},
		{"accounts of a parent are listed in pages", accountPages},
		{"a list without a limit shows the default number", accountDefaultLimit},
		{"accounts below another are listed at any depth", accountsBelow},
		{"a hidden account is listed by age alone", accountHidden},
		{"accounts are found by their plain names", accountsNamed},
		{"accounts are found by their uids anywhere", accountsWithUID},
		{"a uid is unique among siblings", accountUID},
		{"an account is edited in the transaction", accountUpdate},
		{"an edit that fails changes nothing", accountUpdateFails},
		{"a deleted account is gone with everything below it", accountDelete},
		{"a deleted account's pending deliveries are cancelled", accountDeleteCancels},
		{"a deleted account's uid and credentials are free and dead", accountDeleteFrees},
	}
}

func accountID(a webhook.Account) id.ID { return a.ID }

func accountRoundTrip(w *world) {
	root := w.root()
	a := webhook.Account{
		ID: w.id(), ParentID: root.ID, Path: []id.ID{root.ID}, UID: "tenant/ü", Name: "Tenant \"7\"\n",
		RateLimit: 12, Metadata: map[string]string{"a": "1", "": "empty", "ü": "'"},
		Annotations: webhook.Annotations{"kazoo.realm": json.RawMessage(`{"x":[1]}`)},
		CreatedAt:   w.ago(time.Hour), UpdatedAt: w.now,
	}
	w.must(w.s.CreateAccount(w.ctx, &a, nil))
	w.same(must(w.s.Account(w.ctx, a.ID))(w), a)
	w.same(must(w.s.AccountByUID(w.ctx, root.ID, a.UID))(w), a)
	w.same(must(w.s.Account(w.ctx, root.ID))(w), root)

	below := webhook.Account{ID: w.id(), ParentID: a.ID, Path: []id.ID{root.ID, a.ID}, CreatedAt: w.now, UpdatedAt: w.now}
	w.must(w.s.CreateAccount(w.ctx, &below, nil))
	w.same(must(w.s.Account(w.ctx, below.ID))(w), below)
}

func accountMissing(w *world) {
	root := w.root()
	unknown := w.id()
	missing(w.s.Account(w.ctx, unknown))(w)
	missing(w.s.AccountByUID(w.ctx, root.ID, "nobody"))(w)
	missing(w.s.AccountByUID(w.ctx, root.ID, ""))(w)
	missing(w.s.UpdateAccount(w.ctx, unknown, func(*webhook.Account) error {
		w.Error("change was called without an account")
		return nil
	}))(w)
	w.fails(w.s.DeleteAccount(w.ctx, unknown, w.now), webhook.CodeNotFound, "")
}

func accountPages(w *world) {
	root, other := w.root(), w.root()
	var want []id.ID
	list := func(p webhook.Page) (webhook.Slice[webhook.Account], error) { return w.s.Accounts(w.ctx, root.ID, p) }
	pages(w, want, accountID, list)
	for range 7 {
		a := w.account(root)
		want = append(want, a.ID)
		w.account(other)
		w.account(a)
	}
	pages(w, want, accountID, list)
	w.same(must(list(webhook.Page{Limit: 1}))(w).Items[0], must(w.s.Account(w.ctx, want[6]))(w))
	w.must(w.s.DeleteAccount(w.ctx, want[3], w.now))
	pages(w, append(want[:3:3], want[4:]...), accountID, list)
}

func accountHidden(w *world) {
	root := w.root()
	shown := w.account(root)
	a := webhook.Account{
		ID: w.id(), ParentID: root.ID, Path: []id.ID{root.ID}, UID: w.name("hidden"), Name: w.name("Hidden"), Hidden: true,
		CreatedAt: w.now, UpdatedAt: w.now,
	}
	w.must(w.s.CreateAccount(w.ctx, &a, nil))
	must(w.s.UpdateAccount(w.ctx, a.ID, func(a *webhook.Account) error { a.Hidden = false; return nil }))(w)
	w.same(must(w.s.Account(w.ctx, a.ID))(w), a)
	w.same(must(w.s.AccountByUID(w.ctx, root.ID, a.UID))(w), a)
	for _, list := range []func(webhook.Page) (webhook.Slice[webhook.Account], error){
		func(p webhook.Page) (webhook.Slice[webhook.Account], error) { return w.s.Accounts(w.ctx, root.ID, p) },
		func(p webhook.Page) (webhook.Slice[webhook.Account], error) {
			return w.s.AccountsBelow(w.ctx, root.ID, p)
		},
	} {
		pages(w, []id.ID{shown.ID}, accountID, list)
	}
	w.same(len(must(w.s.AccountsNamed(w.ctx, webhook.PlainName(a.Name), 10))(w)), 0)
	w.same(len(must(w.s.AccountsWithUID(w.ctx, a.UID, 10))(w)), 0)
	w.same(len(must(w.s.AccountsByAge(w.ctx, root.ID, store.Window{Limit: 10}))(w)), 2)
	w.must(w.s.DeleteAccount(w.ctx, a.ID, w.now))
	missing(w.s.Account(w.ctx, a.ID))(w)
}

func accountsBelow(w *world) {
	root, other := w.root(), w.root()
	a := w.account(root)
	list := func(p webhook.Page) (webhook.Slice[webhook.Account], error) { return w.s.AccountsBelow(w.ctx, a.ID, p) }
	var want []id.ID
	pages(w, want, accountID, list)
	b := w.account(a)
	c := w.account(b)
	w.account(root)
	w.account(other)
	d := w.account(a)
	want = []id.ID{b.ID, c.ID, d.ID}
	pages(w, want, accountID, list)
	w.must(w.s.DeleteAccount(w.ctx, b.ID, w.now))
	pages(w, []id.ID{d.ID}, accountID, list)
}

// accountLike makes a child of the parent with a name and a uid.
func (w *world) accountLike(parent webhook.Account, name, uid string) webhook.Account {
	w.Helper()
	a := webhook.Account{
		ID: w.id(), ParentID: parent.ID, Path: append(append([]id.ID(nil), parent.Path...), parent.ID),
		Name: name, UID: uid, CreatedAt: w.now, UpdatedAt: w.now,
	}
	w.must(w.s.CreateAccount(w.ctx, &a, nil))
	return a
}

func accountsNamed(w *world) {
	mark := webhook.PlainName(w.name("n")) // stores may be shared
	root := w.root()
	named := func(plain string, limit int, want ...webhook.Account) {
		w.Helper()
		w.same(must(w.s.AccountsNamed(w.ctx, plain, limit))(w), want)
	}
	a := w.accountLike(root, "Acme, Inc. "+mark, "")
	b := w.accountLike(a, "ACME inc"+mark+"é", "")
	c := w.accountLike(root, "--- "+mark, "")
	w.accountLike(root, "éé", "")
	named("acmeinc"+mark, 10, a, b)
	named("acmeinc"+mark, 1, a)
	named("Acme"+mark, 10)
	named("", 10)
	named(mark, 10, c)
	renamed := must(w.s.UpdateAccount(w.ctx, a.ID, func(a *webhook.Account) error {
		a.Name = "Other " + mark
		return nil
	}))(w)
	named("other"+mark, 10, renamed)
	named("acmeinc"+mark, 10, b)
	w.must(w.s.DeleteAccount(w.ctx, b.ID, w.now))
	named("acmeinc"+mark, 10)
}

func accountsWithUID(w *world) {
	root, uid := w.root(), w.name("uid")
	a := w.accountLike(root, "a", uid)
	b := w.accountLike(a, "b", uid)
	w.accountLike(root, "c", "")
	found := func(uid string, limit int, want ...webhook.Account) {
		w.Helper()
		w.same(must(w.s.AccountsWithUID(w.ctx, uid, limit))(w), want)
	}
	found(uid, 10, a, b)
	found(uid, 1, a)
	found("", 10)
	found(uid+"x", 10)
	w.must(w.s.DeleteAccount(w.ctx, b.ID, w.now))
	found(uid, 10, a)
}

func accountDefaultLimit(w *world) {
	root := w.root()
	for range webhook.DefaultPageLimit {
		w.account(root)
	}
	s := must(w.s.Accounts(w.ctx, root.ID, webhook.Page{}))(w)
	w.same([]any{len(s.Items), s.Done}, []any{webhook.DefaultPageLimit, true})
	w.account(root)
	s = must(w.s.Accounts(w.ctx, root.ID, webhook.Page{}))(w)
	w.same([]any{len(s.Items), s.Done}, []any{webhook.DefaultPageLimit, false})
}

func accountUID(w *world) {
	root, other := w.root(), w.root()
	create := func(parent webhook.Account, uid string) (webhook.Account, error) {
		a := webhook.Account{
			ID: w.id(), ParentID: parent.ID, Path: []id.ID{parent.ID}, UID: uid, CreatedAt: w.now, UpdatedAt: w.now,
		}
		return a, w.s.CreateAccount(w.ctx, &a, nil)
	}
	first := must(create(root, "u"))(w)
	second, err := create(root, "u")
	w.fails(err, webhook.CodeConflict, "uid")
	missing(w.s.Account(w.ctx, second.ID))(w)

	must(create(other, "u"))(w)
	must(create(root, "U"))(w)
	must(create(root, ""))(w)
	none := must(create(root, ""))(w)

	_, err = w.s.UpdateAccount(w.ctx, none.ID, func(a *webhook.Account) error { a.UID = "u"; return nil })
	w.fails(err, webhook.CodeConflict, "uid")
	w.same(must(w.s.Account(w.ctx, none.ID))(w), none)
	must(w.s.UpdateAccount(w.ctx, first.ID, func(a *webhook.Account) error { a.UID = ""; return nil }))(w)
	must(w.s.UpdateAccount(w.ctx, none.ID, func(a *webhook.Account) error { a.UID = "u"; return nil }))(w)
	w.same(must(w.s.AccountByUID(w.ctx, root.ID, "u"))(w).ID, none.ID)
}

func accountUpdate(w *world) {
	root := w.root()
	a := w.account(root)
	got := must(w.s.UpdateAccount(w.ctx, a.ID, func(e *webhook.Account) error {
		w.same(*e, a)
		e.ID, e.ParentID, e.Path, e.CreatedAt = w.id(), w.id(), nil, w.in(time.Hour)
		e.UID, e.Name, e.RateLimit, e.UpdatedAt = "u", "another", 3, w.in(time.Minute)
		e.Metadata = map[string]string{"k": "v"}
		e.Annotations = webhook.Annotations{"native.x": json.RawMessage(`{"x":[1]}`)}
		return nil
	}))(w)
	want := a
	want.UID, want.Name, want.RateLimit, want.UpdatedAt = "u", "another", 3, w.in(time.Minute)
	want.Metadata, want.Annotations = map[string]string{"k": "v"}, webhook.Annotations{"native.x": json.RawMessage(`{"x":[1]}`)}
	w.same(got, want)
	w.same(must(w.s.Account(w.ctx, a.ID))(w), want)
}

func accountUpdateFails(w *world) {
	a := w.root()
	refusal := webhook.Errorf(webhook.CodeInvalid, "name", "no")
	_, err := w.s.UpdateAccount(w.ctx, a.ID, func(e *webhook.Account) error { e.Name = "x"; return refusal })
	if err != refusal {
		w.Fatalf("the error of change came back as %v", err)
	}
	w.same(must(w.s.Account(w.ctx, a.ID))(w), a)
}

// tree is an account with a child and a grandchild, each with one of everything.
func tree(w *world) (parent, child, grandchild webhook.Account, targets []target) {
	parent = w.root()
	child = w.account(parent)
	grandchild = w.account(child)
	for _, a := range []webhook.Account{parent, child, grandchild} {
		targets = append(targets, w.targetOf(a.ID))
		w.must(w.s.CreateEventType(w.ctx, &webhook.EventType{
			ID: w.id(), AccountID: a.ID, Name: "order.paid", CreatedAt: w.now, UpdatedAt: w.now,
		}, nil))
		w.must(w.s.CreateCredential(w.ctx, w.apiKey(a.ID)))
	}
	return parent, child, grandchild, targets
}

func accountDelete(w *world) {
	parent, child, grandchild, targets := tree(w)
	w.must(w.s.DeleteAccount(w.ctx, child.ID, w.now))

	w.same(must(w.s.Account(w.ctx, parent.ID))(w), parent)
	w.same(len(must(w.s.Accounts(w.ctx, parent.ID, webhook.Page{}))(w).Items), 0)
	must(w.s.EventType(w.ctx, parent.ID, "order.paid"))(w)
	for i, a := range []webhook.Account{child, grandchild} {
		t := targets[1+i]
		missing(w.s.Account(w.ctx, a.ID))(w)
		missing(w.s.UpdateAccount(w.ctx, a.ID, func(*webhook.Account) error { return nil }))(w)
		w.fails(w.s.DeleteAccount(w.ctx, a.ID, w.now), webhook.CodeNotFound, "")
		_, _, err := w.s.Endpoint(w.ctx, t.endpoint)
		w.fails(err, webhook.CodeNotFound, "")
		missing(w.s.Subscription(w.ctx, t.subscription))(w)
		missing(w.s.EventType(w.ctx, a.ID, "order.paid"))(w)
		w.same(len(must(w.s.Endpoints(w.ctx, a.ID, webhook.Page{}))(w).Items), 0)
		w.same(len(must(w.s.Subscriptions(w.ctx, a.ID, webhook.Page{}))(w).Items), 0)
		w.same(len(must(w.s.EventTypes(w.ctx, a.ID, webhook.Page{}))(w).Items), 0)
	}
	w.same(len(must(w.s.SubscriptionsOf(w.ctx, targets[0].endpoint, targets[1].endpoint, targets[2].endpoint))(w)), 1)
	w.same(configured(w), []id.ID{targets[0].endpoint})
}

func accountDeleteCancels(w *world) {
	_, child, _, to := tree(w)
	node := w.node()
	held, waiting := w.held(node, to[2], to[0]), w.waiting(w.now, to[1], to[0])
	w.accept(held, waiting)
	claimed := w.claimOne(node, to[1])
	w.must(w.s.DeleteAccount(w.ctx, child.ID, w.now))

	gone := func(d webhook.Delivery) bool { return d.AccountID != to[0].account }
	w.left(held, gone)
	w.left(waiting, gone)
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(1))
	w.record(w.retried(claimed.Delivery, w.now, w.now))
	w.same(w.delivery(claimed.Delivery.DeliveryID).Status, webhook.Cancelled)
}

func accountDeleteFrees(w *world) {
	root := w.root()
	make1 := func() webhook.Account {
		a := webhook.Account{
			ID: w.id(), ParentID: root.ID, Path: []id.ID{root.ID}, UID: "u", CreatedAt: w.now, UpdatedAt: w.now,
		}
		w.must(w.s.CreateAccount(w.ctx, &a, nil))
		return a
	}
	first := make1()
	key, user := w.apiKey(first.ID), w.user(first.ID, "ann")
	w.must(w.s.CreateCredential(w.ctx, key))
	w.must(w.s.CreateCredential(w.ctx, user))
	before := w.version()
	w.must(w.s.DeleteAccount(w.ctx, first.ID, w.now))
	w.shows(before, store.AccountChanged, first.ID)

	missing(w.s.AccountByUID(w.ctx, root.ID, "u"))(w)
	missing(w.s.CredentialByKey(w.ctx, key.KeyHash))(w)
	missing(w.s.CredentialByUsername(w.ctx, first.ID, "ann"))(w)
	w.same(len(must(w.s.Credentials(w.ctx, first.ID))(w)), 0)
	second := make1()
	w.same(must(w.s.AccountByUID(w.ctx, root.ID, "u"))(w).ID, second.ID)
}
