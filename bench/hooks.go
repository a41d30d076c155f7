package main

import (
	"fmt"

	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// kazooHooks is the hooks of a Kazoo platform: customers have one each, which wants the
// documents of users, or calls but for internal legs, or everything; a third of them look
// into the payload, too. Above the customers a master account and a reseller have hooks
// for other documents of everybody below; theirs are among those with odd numbers.
func kazooHooks() (spread, error) {
	types, err := hooktype.Open(hooktype.Env{}, "")
	if err != nil {
		return spread{}, err
	}
	above := []id.ID{id.New(), id.New()}
	owners := make([]id.ID, subscriptions)
	filters := make([]webhook.Filter, subscriptions)
	for i := range owners {
		owners[i] = id.New()
		h := []hooktype.Hook{
			{Hook: "object", CustomData: []byte(`{"type":"user","action":"all"}`)},
			{Hook: "all", ExcludeInternalLegs: true},
			{Hook: "object", Modifiers: []byte(`{"action":["doc_created","doc_edited"]}`)},
		}[i%3]
		if i%1000 == 999 {
			owners[i] = above[i/1000%2]
			h = hooktype.Hook{Hook: "object", IncludeSubaccounts: true, CustomData: fmt.Appendf(nil, `{"type":"kind-%d","action":"all"}`, i)}
		}
		if filters[i], err = types.Filter(h); err != nil {
			return spread{}, err
		}
	}
	message := hooktype.ObjectMessage(hooktype.DocEdited, "user", id.New().Hex(), id.New().Hex())
	events, err := types.Events(message)
	if err != nil || len(events) != 1 {
		return spread{}, fmt.Errorf("a message of Kazoo became %d events: %w", len(events), err)
	}
	event, err := events[0].Webhook()
	return spread{
		name:   "Kazoo hooks below a reseller",
		max:    10, // a third of the payloads are parsed
		owner:  func(i int) id.ID { return owners[i] },
		path:   above,
		filter: func(i int) webhook.Filter { return filters[i] },
		event:  func(int) webhook.Event { return event },
	}, err
}
