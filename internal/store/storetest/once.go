package storetest

import (
	"crypto/sha256"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func onceTests() []test {
	return []test{
		{"a creating call with a key is carried out once", onceReplay},
		{"a key with another request is a conflict", onceConflict},
		{"keys of different accounts never meet", onceAccounts},
		{"a call that failed leaves its key free", onceFailed},
		{"a key that has expired is free again", onceExpiry},
	}
}

func (w *world) once(account id.ID, key, request string) *store.Once {
	return &store.Once{
		AccountID: account, Key: key, Hash: sha256.Sum256([]byte(request)), Expires: w.in(time.Hour),
	}
}

// creators are the calls that take a key. Each makes something new and returns its id.
func creators(w *world, a webhook.Account) map[string]func(*store.Once) (id.ID, error) {
	return map[string]func(*store.Once) (id.ID, error){
		"account": func(o *store.Once) (id.ID, error) {
			b := webhook.Account{ID: w.id(), ParentID: a.ID, Path: []id.ID{a.ID}, CreatedAt: w.now, UpdatedAt: w.now}
			return b.ID, w.s.CreateAccount(w.ctx, &b, o)
		},
		"event type": func(o *store.Once) (id.ID, error) {
			t := w.eventType(a.ID, w.name("type"))
			return t.ID, w.s.CreateEventType(w.ctx, t, o)
		},
		"endpoint": func(o *store.Once) (id.ID, error) {
			e := w.endpoint(a.ID)
			return e.ID, w.s.CreateEndpoint(w.ctx, &e, []webhook.Subscription{w.subscription(e)}, o)
		},
		"intake": func(o *store.Once) (id.ID, error) {
			in := &store.Intake{Once: o, Accepted: []store.Accepted{{Event: w.event(a.ID, w.now)}}}
			err := w.s.Commit(w.ctx, &store.Batch{Intake: []*store.Intake{in}})
			if in.Err != nil {
				err = in.Err
			}
			return in.Accepted[0].Event.ID, err
		},
	}
}

// made counts everything that creators can make.
func made(w *world, a webhook.Account) int {
	w.Helper()
	p := webhook.Page{Limit: 100}
	return len(must(w.s.Accounts(w.ctx, a.ID, p))(w).Items) + len(must(w.s.EventTypes(w.ctx, a.ID, p))(w).Items) +
		len(must(w.s.Endpoints(w.ctx, a.ID, p))(w).Items) + len(must(w.s.Subscriptions(w.ctx, a.ID, p))(w).Items) +
		len(must(w.s.Events(w.ctx, store.EventQuery{AccountID: a.ID, Page: p}))(w).Items)
}

func onceReplay(w *world) {
	a := w.root()
	for kind, create := range creators(w, a) {
		first := w.once(a.ID, kind, "a request")
		want := must(create(first))(w)
		if first.Replayed {
			w.Errorf("%s: the first call was taken for a replay", kind)
		}
		n, version := made(w, a), w.version()
		again := w.once(a.ID, kind, "a request")
		must(create(again))(w)
		w.same([]any{again.Replayed, again.Refs}, []any{true, []id.ID{want}})
		w.same([]any{made(w, a), w.version()}, []any{n, version})
	}
}

func onceConflict(w *world) {
	a := w.root()
	for kind, create := range creators(w, a) {
		must(create(w.once(a.ID, kind, "a request")))(w)
		n := made(w, a)
		other := w.once(a.ID, kind, "another request")
		_, err := create(other)
		w.fails(err, webhook.CodeConflict, "idempotency-key")
		w.same([]any{made(w, a), other.Replayed}, []any{n, false})
		must(create(w.once(a.ID, kind+" 2", "another request")))(w)
	}
}

func onceAccounts(w *world) {
	a, b := w.root(), w.root()
	for kind, create := range creators(w, a) {
		must(create(w.once(a.ID, kind, "a request")))(w)
		other := w.once(b.ID, kind, "another request")
		must(create(other))(w)
		if other.Replayed {
			w.Errorf("%s: the keys of two accounts met", kind)
		}
	}
}

func onceFailed(w *world) {
	root := w.root()
	create := func(uid string, o *store.Once) error {
		return w.s.CreateAccount(w.ctx, &webhook.Account{
			ID: w.id(), ParentID: root.ID, Path: []id.ID{root.ID}, UID: uid, CreatedAt: w.now, UpdatedAt: w.now,
		}, o)
	}
	w.must(create("u", nil))
	w.fails(create("u", w.once(root.ID, "k", "a request")), webhook.CodeConflict, "uid")
	o := w.once(root.ID, "k", "another request")
	w.must(create("v", o))
	if o.Replayed {
		w.Error("a call that failed took its key")
	}
}

func onceExpiry(w *world) {
	a := w.root()
	for kind, create := range creators(w, a) {
		must(create(w.once(a.ID, kind, "a request")))(w)
	}
	w.same(must(w.s.DeleteExpired(w.ctx, w.in(59*time.Minute), 1000*time.Hour, 100))(w), 0)
	for kind, create := range creators(w, a) {
		o := w.once(a.ID, kind, "a request")
		must(create(o))(w)
		if !o.Replayed {
			w.Errorf("%s: the key was forgotten before its time", kind)
		}
	}
	w.same(must(w.s.DeleteExpired(w.ctx, w.in(61*time.Minute), 1000*time.Hour, 100))(w), 4)
	for kind, create := range creators(w, a) {
		o := w.once(a.ID, kind, "another request")
		must(create(o))(w)
		if o.Replayed {
			w.Errorf("%s: the key was not forgotten", kind)
		}
	}
}
