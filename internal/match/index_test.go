package match_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/webhook"
	"pgregory.net/rapid"
)

// found returns the ids of those that want e, in the order given.
func found(x *match.Index, e *webhook.Event, path ...id.ID) []id.ID {
	var ids []id.ID
	for _, s := range x.Append(nil, e, path) {
		ids = append(ids, s.ID)
	}
	return ids
}

// naive is what found should return of subs.
func naive(subs map[id.ID]match.Sub, e *webhook.Event, path ...id.ID) []id.ID {
	var ids []id.ID
	for _, account := range append([]id.ID{e.AccountID}, path...) {
		var own []id.ID
		for _, s := range subs {
			reaches := account == e.AccountID || s.Filter.Scope == webhook.ScopeDescendants
			if s.AccountID == account && reaches && naiveWants(s.Filter, e) {
				own = append(own, s.ID)
			}
		}
		slices.SortFunc(own, id.ID.Compare)
		ids = append(ids, own...)
	}
	return ids
}

func naiveWants(f webhook.Filter, e *webhook.Event) bool {
	wantsType := len(f.Types) == 0
	for _, p := range f.Types {
		if p == e.Type || strings.HasSuffix(p, "*") && strings.HasPrefix(e.Type, p[:len(p)-1]) {
			wantsType = true
		}
	}
	wantsChannel := len(f.Channels) == 0
	for _, channel := range f.Channels {
		wantsChannel = wantsChannel || slices.Contains(e.Channels, channel)
	}
	for name, value := range f.Attributes {
		if got, ok := e.Attributes[name]; !ok || got != value {
			return false
		}
	}
	var payload map[string]any
	_ = json.Unmarshal(e.Payload, &payload)
	for _, c := range f.Payload { // equality with a text is all that anyFilter draws
		if payload[c.Path] != c.Value {
			return false
		}
	}
	return wantsType && wantsChannel
}

var (
	types    = []string{"", "a", "a.", "a.b", "a.b.c", "b"}
	patterns = append([]string{"*", "a*", "a.*", "a.b*", "a.b.*", "b*"}, types...)
	channels = []string{"one", "two", "three"}
	accounts = []id.ID{number('a', 1), number('a', 2), number('a', 3)}
)

func anyAttributes(t *rapid.T) map[string]string {
	return rapid.MapOfN(rapid.SampledFrom([]string{"tenant", "user", "origin"}), rapid.SampledFrom([]string{"x", "y", ""}), 0, 3).Draw(t, "attributes")
}

func anyOf(t *rapid.T, label string, from []string) []string {
	return rapid.SliceOfN(rapid.SampledFrom(from), 0, 4).Draw(t, label)
}

func anyFilter(t *rapid.T) webhook.Filter {
	f := webhook.Filter{
		Types:      anyOf(t, "types", patterns),
		Channels:   anyOf(t, "channels", channels),
		Attributes: anyAttributes(t),
		Scope:      rapid.SampledFrom([]webhook.FilterScope{webhook.ScopeOwn, webhook.ScopeDescendants}).Draw(t, "scope"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "conditions") {
		f.Payload = append(f.Payload, webhook.Condition{
			Path:  rapid.SampledFrom([]string{"p", "q"}).Draw(t, "path"),
			Op:    webhook.OpEqual,
			Value: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "value"),
		})
	}
	return f
}

func anyEvent(t *rapid.T) *webhook.Event {
	return &webhook.Event{
		AccountID:  rapid.SampledFrom(accounts).Draw(t, "account of the event"),
		Type:       rapid.SampledFrom(types).Draw(t, "type"),
		Channels:   anyOf(t, "channels of the event", channels),
		Attributes: anyAttributes(t),
		Payload:    []byte(rapid.SampledFrom([]string{`{"p":"x","q":"y"}`, `{"p":"x"}`, `[]`, `not JSON`, ``}).Draw(t, "payload")),
	}
}

func TestTheIndexFindsWhatANaiveLoopFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := match.NewIndex()
		subs := map[id.ID]match.Sub{}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				s := match.Sub{
					ID:         number('s', rapid.IntRange(0, 15).Draw(t, "id")),
					AccountID:  rapid.SampledFrom(accounts).Draw(t, "account"),
					EndpointID: number('e', 1),
					Filter:     anyFilter(t),
				}
				subs[s.ID] = s
				x.Put(s)
			},
			"remove": func(t *rapid.T) {
				one := number('s', rapid.IntRange(0, 15).Draw(t, "id"))
				delete(subs, one)
				x.Remove(one)
			},
			"": func(t *rapid.T) {
				e := anyEvent(t)
				var path []id.ID
				for _, a := range accounts {
					if a != e.AccountID && rapid.Bool().Draw(t, "ancestor") {
						path = append(path, a)
					}
				}
				if diff := cmp.Diff(naive(subs, e, path...), found(x, e, path...)); diff != "" {
					t.Fatalf("%+v below %v (-want +got):\n%s", e, path, diff)
				}
				if x.Len() != len(subs) {
					t.Fatalf("Len() = %d of %d", x.Len(), len(subs))
				}
			},
		})
		for one := range subs {
			x.Remove(one)
		}
		if got := found(x, &webhook.Event{AccountID: accounts[0]}, accounts[1:]...); got != nil || x.Len() != 0 {
			t.Fatalf("all were removed, but %v", got)
		}
	})
}

func TestWantsSaysWhatTheIndexSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, e := anyFilter(t), anyEvent(t)
		if got, want := match.Wants(f, e), naiveWants(f, e); got != want {
			t.Fatalf("%v", got)
		}
	})
}

func TestOwnSubscriptionsComeFirstThenTheAncestorsRootFirst(t *testing.T) {
	x := match.NewIndex()
	root, parent, own := accounts[0], accounts[1], accounts[2]
	put := func(n int, account id.ID, scope webhook.FilterScope, types ...string) {
		x.Put(match.Sub{ID: number('s', n), AccountID: account, Filter: webhook.Filter{Types: types, Scope: scope}})
	}
	put(1, root, webhook.ScopeDescendants, "a")
	put(2, parent, webhook.ScopeDescendants, "*")
	put(3, parent, webhook.ScopeDescendants, "a")
	put(4, parent, webhook.ScopeOwn)
	put(6, own, webhook.ScopeDescendants, "a")
	put(5, own, webhook.ScopeOwn)
	want := []id.ID{number('s', 5), number('s', 6), number('s', 1), number('s', 2), number('s', 3)}
	e := &webhook.Event{AccountID: own, Type: "a"}
	if diff := cmp.Diff(want, found(x, e, root, parent)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, found(x, e, root, parent, own)); diff != "" {
		t.Errorf("with the account itself at the end of the path (-want +got):\n%s", diff)
	}
}

func TestAppendKeepsWhatIsInDst(t *testing.T) {
	x := match.NewIndex()
	x.Put(match.Sub{ID: number('s', 1), AccountID: accounts[0]})
	kept := &match.Sub{ID: number('s', 9)}
	got := x.Append([]*match.Sub{kept}, &webhook.Event{AccountID: accounts[0]}, nil)
	if len(got) != 2 || got[0] != kept || got[1].ID != number('s', 1) {
		t.Errorf("%v", got)
	}
}

func TestAReplacedSubscriptionIsSeenExactlyOnceAtAnyMoment(t *testing.T) {
	x := match.NewIndex()
	s := match.Sub{ID: number('s', 1), AccountID: accounts[0]}
	x.Put(s)
	e := &webhook.Event{
		AccountID: accounts[0], Type: "a.b",
		Channels: channels, Attributes: map[string]string{"tenant": "x", "user": "y"},
	}
	filters := []webhook.Filter{
		{Types: []string{"a.b"}},
		{Types: []string{"a.*", "b"}, Channels: channels},
		{Attributes: e.Attributes},
		{Types: []string{"*"}, Scope: webhook.ScopeDescendants},
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			var dst []*match.Sub
			for {
				if dst = x.Append(dst[:0], e, nil); len(dst) != 1 {
					t.Errorf("seen %d times", len(dst))
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 5000 {
		s.Filter = filters[i%len(filters)]
		x.Put(s)
	}
	close(done)
	readers.Wait()
}
