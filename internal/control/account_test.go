package control_test

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestEnsureRootMakesOneRootAndOneKey(t *testing.T) {
	w := newWorld(t)
	if w.key == "" {
		t.Fatal("the first call gave no key")
	}
	again, key, err := w.c.EnsureRoot(t.Context())
	w.must(err)
	w.same(again.ID, w.root.ID)
	w.same(key, "")
	p, err := w.c.Authenticate(t.Context(), w.key)
	w.must(err)
	w.same(p.Account.ID, w.root.ID)
	w.same(p.Organisation(), true)
	w.same(p.ReadOnly(), false)
}

func TestNodesThatStartTogetherMakeOneRoot(t *testing.T) {
	w := newWorld(t)
	w.same(len(w.rootsAfterARace(t)), 1)
}

func (w *world) rootsAfterARace(t *testing.T) []webhook.Account {
	fresh := &world{T: t, s: rig.OpenStore(t), now: w.now}
	w.now = fresh.now
	var controls []*control.Control
	for range 4 {
		controls = append(controls, fresh.another())
	}
	var wg sync.WaitGroup
	for _, c := range controls {
		wg.Go(func() {
			if _, _, err := c.EnsureRoot(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	roots, err := controls[0].Accounts(t.Context(), id.ID{}, webhook.Page{})
	w.must(err)
	return roots.Items
}

func TestARootWithoutAnyCredentialGetsAKeyAgain(t *testing.T) {
	w := newWorld(t)
	keys, err := w.c.Keys(t.Context(), w.root.ID)
	w.must(err)
	w.must(w.c.RevokeKey(t.Context(), w.root.ID, keys[0].ID))
	_, key, err := w.c.EnsureRoot(t.Context())
	w.must(err)
	_, err = w.c.Authenticate(t.Context(), key)
	w.must(err)
}

func TestAccountsAreCreatedFoundChangedAndDeleted(t *testing.T) {
	w := newWorld(t)
	in := webhook.Account{
		ParentID: w.root.ID, UID: "shop", Name: "Shop", RateLimit: 5, Metadata: map[string]string{"team": "a"},
	}
	made, created, err := w.c.CreateAccount(t.Context(), in, nil)
	w.must(err)
	w.same(created, true)
	w.same(made.Path, []id.ID{w.root.ID})
	w.same(made.CreatedAt, w.now)

	for _, find := range []func() (*webhook.Account, error){
		func() (*webhook.Account, error) { return w.c.FindAccount(t.Context(), w.root.ID, made.ID, "") },
		func() (*webhook.Account, error) { return w.c.FindAccount(t.Context(), w.root.ID, id.ID{}, "shop") },
		func() (*webhook.Account, error) { return w.c.Account(t.Context(), made.ID) },
	} {
		got, err := find()
		w.must(err)
		w.same(got, made)
	}
	changed, err := w.c.UpdateAccount(t.Context(), made.ID, func(a *webhook.Account) error {
		a.UID, a.Name = "", "Store"
		a.Metadata["team"] = "b"
		return nil
	})
	w.must(err)
	w.same(changed.Metadata, map[string]string{"team": "b"})
	got, err := w.c.FindAccount(t.Context(), w.root.ID, made.ID, "")
	w.must(err)
	w.same(got, changed)
	_, err = w.c.FindAccount(t.Context(), w.root.ID, id.ID{}, "shop")
	w.fails(err, webhook.CodeNotFound, "")

	w.must(w.c.DeleteAccount(t.Context(), made.ID))
	_, err = w.c.Account(t.Context(), made.ID)
	w.fails(err, webhook.CodeNotFound, "")
	w.fails(w.c.DeleteAccount(t.Context(), made.ID), webhook.CodeNotFound, "")
}

func TestTheErrorOfAChangeComesBackAsItIs(t *testing.T) {
	w := newWorld(t)
	mine := errors.New("mine")
	_, err := w.c.UpdateAccount(t.Context(), w.app().ID, func(*webhook.Account) error { return mine })
	if !errors.Is(err, mine) {
		t.Fatal(err)
	}
}

func TestTheRootCannotBeDeleted(t *testing.T) {
	w := newWorld(t)
	w.fails(w.c.DeleteAccount(t.Context(), w.root.ID), webhook.CodeForbidden, "")
}

func TestAUIDIsUniqueAmongSiblings(t *testing.T) {
	w := newWorld(t)
	in := webhook.Account{ParentID: w.root.ID, Name: "a", UID: "shop"}
	first, _, err := w.c.CreateAccount(t.Context(), in, nil)
	w.must(err)
	_, _, err = w.c.CreateAccount(t.Context(), in, nil)
	w.fails(err, webhook.CodeConflict, "uid")
	_, err = w.c.UpdateAccount(t.Context(), w.app().ID, func(a *webhook.Account) error {
		a.UID = "shop"
		return nil
	})
	w.fails(err, webhook.CodeConflict, "uid")

	got, created, err := w.c.GetOrCreateAccount(t.Context(), in, nil)
	w.must(err)
	w.same(created, false)
	w.same(got.ID, first.ID)

	in.ParentID = first.ID // elsewhere it is free
	_, _, err = w.c.CreateAccount(t.Context(), in, nil)
	w.must(err)
	w.must(w.c.DeleteAccount(t.Context(), first.ID))
	in.ParentID = w.root.ID // and so it is after the deletion
	_, created, err = w.c.GetOrCreateAccount(t.Context(), in, nil)
	w.must(err)
	w.same(created, true)
}

func TestAccountsElsewhereAreNotFound(t *testing.T) {
	w := newWorld(t)
	a, b := w.app(), w.app()
	below, _, err := w.c.CreateAccount(t.Context(), webhook.Account{ParentID: a.ID, Name: "below"}, nil)
	w.must(err)
	_, err = w.c.FindAccount(t.Context(), w.root.ID, below.ID, "")
	w.must(err)
	for name, try := range map[string][2]id.ID{
		"a sibling's child": {b.ID, below.ID},
		"a sibling":         {b.ID, a.ID},
		"the parent":        {a.ID, w.root.ID},
		"itself":            {a.ID, a.ID},
		"nobody":            {w.root.ID, id.New()},
		"no name at all":    {w.root.ID, {}},
	} {
		if _, err := w.c.FindAccount(t.Context(), try[0], try[1], ""); webhook.CodeOf(err) != webhook.CodeNotFound {
			t.Errorf("%s: %v, want not_found", name, err)
		}
	}
}

func TestAccountsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	many := map[string]string{}
	for range 51 {
		many[id.New().Hex()] = ""
	}
	for field, edits := range map[string][]func(*webhook.Account){
		"name": {
			func(a *webhook.Account) { a.Name = "" },
			func(a *webhook.Account) { a.Name = strings.Repeat("ä", 257) },
			func(a *webhook.Account) { a.Name = "a\x00b" },
			func(a *webhook.Account) { a.Name = "a\nb" },
			func(a *webhook.Account) { a.Name = "\xff" },
		},
		"uid": {
			func(a *webhook.Account) { a.UID = "a b" },
			func(a *webhook.Account) { a.UID = "a/b" },
			func(a *webhook.Account) { a.UID = "a\n" },
			func(a *webhook.Account) { a.UID = strings.Repeat("a", 257) },
		},
		"rateLimit":  {func(a *webhook.Account) { a.RateLimit = -1 }},
		"metadata":   {func(a *webhook.Account) { a.Metadata = many }, func(a *webhook.Account) { a.Metadata = map[string]string{"": "a"} }},
		"metadata.a": {func(a *webhook.Account) { a.Metadata = map[string]string{"a": strings.Repeat("x", 5000)} }},
		"annotations": {func(a *webhook.Account) {
			a.Annotations = webhook.Annotations{"x": []byte(`"` + strings.Repeat("x", 70_000) + `"`)}
		}},
		"annotations.foo": {func(a *webhook.Account) { a.Annotations = webhook.Annotations{"foo": []byte("{")} }},
	} {
		for _, edit := range edits {
			a := webhook.Account{ParentID: w.root.ID, Name: "fine"}
			edit(&a)
			_, _, err := w.c.CreateAccount(t.Context(), a, nil)
			if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Field != field {
				t.Errorf("%s: %v", field, err)
			}
			_, err = w.c.UpdateAccount(t.Context(), w.root.ID, func(a *webhook.Account) error {
				edit(a)
				return nil
			})
			if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Field != field {
				t.Errorf("update: %s: %v", field, err)
			}
		}
	}
	longest := webhook.Account{ParentID: w.root.ID, Name: strings.Repeat("ä", 256), UID: strings.Repeat("a", 256)}
	_, _, err := w.c.CreateAccount(t.Context(), longest, nil)
	w.must(err)
	_, _, err = w.c.CreateAccount(t.Context(), webhook.Account{ParentID: id.New(), Name: "orphan"}, nil)
	w.fails(err, webhook.CodeNotFound, "")
}

func TestACreatingCallCanBeRepeated(t *testing.T) {
	w := newWorld(t)
	hash := sha256.Sum256([]byte("the request"))
	once := func() *control.Once { return &control.Once{Key: "k", Hash: hash} }
	in := webhook.Account{ParentID: w.root.ID, Name: "a"}
	first, created, err := w.c.CreateAccount(t.Context(), in, once())
	w.must(err)
	w.same(created, true)
	again, created, err := w.c.CreateAccount(t.Context(), in, once())
	w.must(err)
	w.same(created, false)
	w.same(again, first)
	_, _, err = w.c.CreateAccount(t.Context(), in, &control.Once{Key: "k", Hash: sha256.Sum256([]byte("another"))})
	w.fails(err, webhook.CodeConflict, "idempotency-key")
	_, _, err = w.c.CreateAccount(t.Context(), in, &control.Once{Key: strings.Repeat("k", 257), Hash: hash})
	w.fails(err, webhook.CodeInvalid, "idempotency-key")

	d := w.draft(first.ID)
	d.Once = once() // another account: another key
	e, created, err := w.c.CreateEndpoint(t.Context(), d)
	w.must(err)
	w.same(created, true)
	d = w.draft(first.ID)
	d.Once = once()
	e2, created, err := w.c.CreateEndpoint(t.Context(), d)
	w.must(err)
	w.same(created, false)
	w.same(e2.ID, e.ID)

	ty := webhook.EventType{AccountID: w.root.ID, Name: "order.paid"}
	typeOnce := func() *control.Once { return &control.Once{Key: "t", Hash: hash} }
	t1, created, err := w.c.CreateEventType(t.Context(), ty, typeOnce())
	w.must(err)
	w.same(created, true)
	t2, created, err := w.c.CreateEventType(t.Context(), ty, typeOnce())
	w.must(err)
	w.same(created, false)
	w.same(t2, t1)
}

func TestAccountsAreListedByParent(t *testing.T) {
	w := newWorld(t)
	a, b := w.app(), w.app()
	_, _, err := w.c.CreateAccount(t.Context(), webhook.Account{ParentID: a.ID, Name: "below"}, nil)
	w.must(err)
	s, err := w.c.Accounts(t.Context(), w.root.ID, webhook.Page{Ascending: true})
	w.must(err)
	var got []id.ID
	for _, one := range s.Items {
		got = append(got, one.ID)
	}
	w.same(got, []id.ID{a.ID, b.ID})
}

func TestWhoeverUpdatesAnAccountHasItsOwnCopy(t *testing.T) {
	w := newWorld(t)
	a := w.app()
	_, err := w.c.UpdateAccount(t.Context(), a.ID, func(a *webhook.Account) error {
		a.Metadata = map[string]string{"k": "v"}
		return nil
	})
	w.must(err)
	shared, err := w.c.Account(t.Context(), a.ID)
	w.must(err)
	before := *shared
	_, err = w.c.UpdateAccount(t.Context(), a.ID, func(a *webhook.Account) error {
		a.Metadata["k"] = "changed"
		return errors.New("and then not")
	})
	if err == nil {
		t.Fatal("no error")
	}
	w.same(*shared, before)
	if !slices.Contains(shared.Path, w.root.ID) {
		t.Error("the path is gone")
	}
}
