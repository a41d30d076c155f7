package kazoo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// record is a hook: an endpoint of the dialect with the document that its owner sees.
type record struct {
	*control.Endpoint
	note hookNote
}

// hookNote is what the dialect keeps with an endpoint.
type hookNote struct {
	Doc     document `json:"doc"`
	Private document `json:"private"` // members that are never shown, but can be filtered by
}

type edit = control.EndpointEdit

// nowhere is the catalogue of event types that filters are not held against: hooks name
// types of the dialect's own.
func nowhere() id.ID { return id.ID{} }

func recordOf(e *control.Endpoint) (*record, error) {
	h := &record{Endpoint: e}
	if err := note(e.Annotations, &h.note); err != nil {
		return nil, fmt.Errorf("annotation of endpoint %s: %w", e.ID, err)
	}
	h.note.Doc.set("enabled", e.Enabled) // which the engine may have changed
	return h, nil
}

// isHook says whether an endpoint is a hook that somebody configured here.
func isHook(e *webhook.Endpoint) bool {
	return e.Service == hook.Service && e.Annotations[dialect] != nil
}

// everyHook visits the hooks of all accounts.
func (a *API) everyHook(ctx context.Context, visit func(h *record) error) error {
	p := webhook.Page{Limit: 500, Ascending: true}
	for {
		s, err := a.Control.EndpointsOf(ctx, id.ID{}, dialect, p)
		if err != nil {
			return err
		}
		for i := range s.Items {
			e := &s.Items[i]
			p.After = e.ID
			if !isHook(e) {
				continue
			}
			h, err := recordOf(&control.Endpoint{Endpoint: *e})
			if err != nil {
				return err
			}
			if err := visit(h); err != nil {
				return err
			}
		}
		if s.Done || len(s.Items) == 0 {
			return nil
		}
	}
}

// annotate keeps a note with a thing.
func annotate(annotations *webhook.Annotations, note any) error {
	if *annotations == nil {
		*annotations = webhook.Annotations{}
	}
	(*annotations)[dialect] = encode(note)
	return nil
}

// disabledItself says whether an endpoint was disabled because it failed, and not by hand.
func disabledItself(e *webhook.Endpoint) bool {
	return !e.Enabled && e.DisabledReason == hook.DisabledReason
}

// reason is why the hook was disabled by itself, "" when it was not.
func (h *record) reason() string {
	if disabledItself(&h.Endpoint.Endpoint) {
		return hook.DisabledReason
	}
	return ""
}

// public is the document as its owner sees it.
func (h *record) public() document {
	d := h.note.Doc.clone()
	d.set("id", h.UID)
	if reason := h.reason(); reason != "" {
		d.set(disableReason, reason)
	}
	return d
}

// full is the document as filters see it.
func (h *record) full() document {
	d := h.public()
	d.merge(h.note.Private)
	d.merge(object("_id", h.UID, "pvt_type", "webhook", "pvt_account_id", h.AccountID.Hex()))
	if reason := h.reason(); reason != "" {
		d.set("pvt_disabled_message", reason)
	}
	return d
}

// summary is the document in lists.
func (h *record) summary() document {
	doc := &h.note.Doc
	d := object("id", h.UID)
	for _, name := range []string{"hook", "name", "uri", "enabled", "group"} {
		if raw := doc.get(name); raw != nil {
			d.set(name, raw)
		}
	}
	if reason := h.reason(); reason != "" {
		d.set(disableReason, reason)
	}
	return d
}

func (h *record) revision() string { return fmt.Sprintf("%d-%s", h.Version, tagOf(encode(h.note.Doc))) }

// hooksOf returns the hooks of an account, by their ids, greatest first.
func (a *API) hooksOf(ctx context.Context, account id.ID) ([]*record, error) {
	all, err := everything(func(p webhook.Page) (webhook.Slice[control.Endpoint], error) {
		return a.Control.Endpoints(ctx, account, p)
	}, func(e *control.Endpoint) id.ID { return e.ID })
	if err != nil {
		return nil, err
	}
	var hooks []*record
	for i := range all {
		if !isHook(&all[i].Endpoint) {
			continue
		}
		h, err := recordOf(&all[i])
		if err != nil {
			return nil, err
		}
		hooks = append(hooks, h)
	}
	slices.SortFunc(hooks, func(a, b *record) int { return strings.Compare(b.UID, a.UID) })
	return hooks, nil
}

// findHook returns a hook of an account.
func (a *API) findHook(ctx context.Context, account id.ID, name string) (*record, error) {
	if !isName(name) {
		return nil, badIdentifier(name)
	}
	e, err := a.Control.FindEndpoint(ctx, account, id.ID{}, name)
	if webhook.CodeOf(err) == webhook.CodeNotFound || err == nil && !isHook(&e.Endpoint) {
		return nil, badIdentifier(name)
	}
	if err != nil {
		return nil, err
	}
	return recordOf(e)
}

// isName says whether a hook can have the id: no database keeps any bytes as text.
func isName(name string) bool { return utf8.ValidString(name) && !strings.ContainsRune(name, 0) }

// hookRules is what the schema says of a hook.
func (a *API) hookRules() []rule {
	return []rule{
		{name: "name", kind: "string", required: true},
		{name: "uri", kind: "string", required: true},
		{name: "hook", kind: "string", required: true, enum: a.Catalogue.IDs()},
		{name: "http_verb", kind: "string", enum: []string{hook.Get, hook.Post, hook.Put}, otherwise: encode(hook.Post)},
		{name: "format", kind: "string", enum: []string{hook.FormData, hook.JSON}, otherwise: encode(hook.FormData)},
		{name: "retries", kind: "integer", min: bound(0), max: bound(4), otherwise: encode(hook.DefaultRetries)},
		{name: "enabled", kind: "boolean", otherwise: encode(true)},
		{name: "include_subaccounts", kind: "boolean"},
		{name: "include_internal_legs", kind: "boolean", otherwise: encode(true)},
		{name: "custom_data", kind: "object", texts: true},
	}
}

// checkHook completes a document and says what is wrong with it.
func (a *API) checkHook(doc *document, operator bool) error {
	f := faults{}
	a.checkShape(doc, f)
	a.modifierFaults(doc, operator, f)
	return f.err()
}

// checkShape is the part of checkHook that also holds for what moves in: whether a
// choice is one of its type's was never looked at again once a hook was stored.
func (a *API) checkShape(doc *document, f faults) {
	check(doc, a.hookRules(), f)
	if uri, ok := asText(doc.get("uri")); ok && a.CheckURI(uri) != nil {
		f.add([]string{"uri"}, "error", wrongURI, "value", uri)
	}
}

const wrongURI = "invalid client URL"

// apply makes an endpoint and its subscription what a document, which is checked, says.
func (a *API) apply(e *webhook.Endpoint, subs []webhook.Subscription, n hookNote, s Settings) ([]webhook.Subscription, error) {
	doc := &n.Doc
	filter, err := a.Catalogue.Filter(hooktype.Hook{
		Hook: doc.text("hook"), CustomData: doc.get("custom_data"), Modifiers: doc.get("modifiers"),
		IncludeSubaccounts: doc.flag("include_subaccounts", false), ExcludeInternalLegs: !doc.flag("include_internal_legs", true),
	})
	if err != nil {
		return nil, err
	}
	config := hook.Config{
		ID: e.UID, Hook: doc.text("hook"), Verb: doc.text("http_verb"), Format: doc.text("format"), CustomData: doc.get("custom_data"),
	}
	if e.Config, err = config.Raw(); err != nil {
		return nil, err
	}
	e.Service, e.URL = hook.Service, doc.text("uri")
	e.Retry, e.Health = a.retry(doc), s.health()
	e.Enabled = doc.flag("enabled", true)
	if len(subs) == 0 {
		subs = []webhook.Subscription{{}}
	}
	subs[0].Filter, subs[0].Enabled = filter, true
	return subs[:1], annotate(&e.Annotations, n)
}

func (a *API) retry(doc *document) webhook.RetryPolicy {
	return hook.Retry(int(doc.number("retries")), a.RetryDelay)
}

// hookFault says in the words of the document what the engine finds wrong with an endpoint.
func hookFault(err error) error {
	r := refusalOf(err)
	e, ok := asError(err)
	if !ok || r == nil {
		return err
	}
	field, _, _ := strings.Cut(e.Field, ".")
	switch {
	case e.Code == webhook.CodeConflict:
		return conflict()
	case e.Code != webhook.CodeInvalid:
		return err
	case field == "url":
		return fault("uri", "error", wrongURI, "cause", e.Message)
	case field == "uid":
		return fault("id", "pattern", e.Message)
	case field == "subscriptions":
		return fault("modifiers", "invalid", e.Message)
	case field == "config":
		return fault("custom_data", "invalid", e.Message)
	}
	return err
}

// isCustom says whether a member of what was sent belongs into the document.
func isCustom(name string) bool { return isPublic(name) && name != "id" }

// submitted is what a caller may say of a document.
func submitted(d *document) document { return d.keep(isCustom) }

// submittedHook is what a caller may say of a hook: not why it was disabled, which is
// shown and may come back with the rest.
func submittedHook(d *document) document {
	doc := submitted(d)
	doc.delete(disableReason)
	return doc
}

const disableReason = "disable_reason"
