package native

import (
	"encoding/json"
	"strings"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// filterIn is a filter as it was sent. types and channels are another way to say
// eventTypes and channels of the endpoint.
type filterIn struct {
	types, channels []string
	attributes      map[string]string
	payload         []webhook.Condition
	scope           webhook.FilterScope
}

// Limits of a filter.
const (
	maxAttributes = 100
	maxConditions = 100
)

// scopeOwn is how the wire spells webhook.ScopeOwn.
const scopeOwn = "own"

func readFilter(v httpx.Value) filterIn {
	var f filterIn
	for name, v := range v.Object().Members {
		if v.IsNull() {
			continue
		}
		switch string(name) {
		case "types":
			f.types = readTypes(v)
		case "channels":
			f.channels = readChannels(v)
		case "attributes":
			f.attributes = v.Strings(maxAttributes)
		case "payload":
			f.payload = readConditions(v)
		case "scope":
			if s := v.Line(); s != scopeOwn {
				f.scope = webhook.FilterScope(s)
			}
		default:
			v.Unknown()
		}
	}
	return f
}

func readConditions(v httpx.Value) []webhook.Condition {
	var list []webhook.Condition
	v.Elements(func(v httpx.Value) {
		if len(list) >= maxConditions {
			v.Fail("is one too many: at most %d are allowed", maxConditions)
			return
		}
		var c webhook.Condition
		o := v.Object()
		for name, v := range o.Members {
			switch string(name) {
			case "path":
				c.Path = v.Line()
			case "op":
				c.Op = webhook.Op(v.Line())
			case "value":
				if err := json.Unmarshal(v.Raw, &c.Value); err != nil {
					v.Fail("is not JSON that can be compared")
				}
			case "optional":
				c.Optional = v.Bool()
			default:
				v.Unknown()
			}
		}
		if c.Op == "" {
			o.Fail("op", "must be there")
		}
		list = append(list, c)
	})
	return list
}

// ownSubscription returns the first subscription that is not for a single event type of
// somebody, or nil. It is the only one of endpoints made here.
func ownSubscription(subs []webhook.Subscription) *webhook.Subscription {
	for i := range subs {
		if subs[i].EventTypeID.IsZero() {
			return &subs[i]
		}
	}
	return nil
}

// applyFilter changes the endpoint's own subscription. An endpoint of another API may
// have none, and gets one where the request says what it wants.
func (f *endpointFields) applyFilter(edit *control.EndpointEdit, whole bool) {
	own := ownSubscription(edit.Subscriptions)
	if own == nil {
		if !f.filter.Given() && !f.eventTypes.Given() && !f.channels.Given() {
			return
		}
		edit.Subscriptions = append(edit.Subscriptions, webhook.Subscription{Enabled: true})
		own = &edit.Subscriptions[len(edit.Subscriptions)-1]
	}
	to := &own.Filter
	switch {
	case f.filter.V.types != nil:
		to.Types = f.filter.V.types
	case whole || f.eventTypes.Set:
		to.Types = f.eventTypes.Or(nil)
	}
	switch {
	case f.filter.V.channels != nil:
		to.Channels = f.filter.V.channels
	case whole || f.channels.Set:
		to.Channels = f.channels.Or(nil)
	}
	if f.filter.Set {
		to.Attributes, to.Payload, to.Scope = f.filter.V.attributes, f.filter.V.payload, f.filter.V.scope
	}
}

// filterOf is the filter that is shown of an endpoint.
func filterOf(subs []webhook.Subscription) webhook.Filter {
	own := ownSubscription(subs)
	if own == nil {
		return webhook.Filter{}
	}
	f := own.Filter
	if len(f.Types) == 0 {
		f.Types = nil
	}
	if len(f.Channels) == 0 {
		f.Channels = nil
	}
	return f
}

type filterOut struct {
	Types      []string          `json:"types"`
	Channels   []string          `json:"channels"`
	Attributes map[string]string `json:"attributes"`
	Payload    []conditionOut    `json:"payload"`
	Scope      string            `json:"scope"`
}

type conditionOut struct {
	Path     string     `json:"path"`
	Op       webhook.Op `json:"op"`
	Value    any        `json:"value"`
	Optional bool       `json:"optional"`
}

// showFilter spells a filter; null is one that eventTypes and channels say all of.
func showFilter(f webhook.Filter) *filterOut {
	plain := len(f.Attributes) == 0 && len(f.Payload) == 0 && f.Scope == webhook.ScopeOwn
	for _, t := range f.Types {
		plain = plain && !strings.HasSuffix(t, "*")
	}
	if plain {
		return nil
	}
	out := &filterOut{
		Types: f.Types, Channels: f.Channels, Attributes: orEmpty(f.Attributes),
		Payload: []conditionOut{}, Scope: scopeOwn,
	}
	for _, c := range f.Payload {
		out.Payload = append(out.Payload, conditionOut{c.Path, c.Op, c.Value, c.Optional})
	}
	if f.Scope != webhook.ScopeOwn {
		out.Scope = string(f.Scope)
	}
	return out
}
