package kazoo

import (
	"net/http"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// listHooks lists the hooks of an account in brief.
func (c *call) listHooks() (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	hooks, err := c.api.hooksOf(c.ctx(), c.account.ID)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, h := range hooks {
		rows = append(rows, row{key: h.UID, show: h.summary(), full: h.full()})
	}
	return c.listed(p, rows), nil
}

// createHook makes a hook. The caller may choose its id.
func (c *call) createHook() (*answer, error) {
	name := id.New().Hex()
	if raw := c.in.data.get("id"); raw != nil {
		text, ok := asText(raw)
		if !ok || text == "" {
			return nil, fault("id", "type", "Value did not match type(s): string", "target", "string", "value", raw)
		}
		if text == "attempts" || text == "samples" {
			return nil, fault("id", "pattern", "is the name of another resource", "value", text)
		}
		name = text
	}
	n := hookNote{Doc: submittedHook(&c.in.data), Private: c.stamp()}
	if err := c.api.checkHook(&n.Doc, c.who.operator()); err != nil {
		return nil, err
	}
	s, err := c.api.settingsOf(c.ctx(), c.account)
	if err != nil {
		return nil, err
	}
	e := webhook.Endpoint{AccountID: c.account.ID, UID: name}
	subs, err := c.api.apply(&e, nil, n, s)
	if err != nil {
		return nil, hookFault(err)
	}
	made, _, err := c.api.Control.CreateEndpoint(c.ctx(), control.NewEndpoint{Endpoint: e, Subscriptions: subs})
	if err != nil {
		return nil, hookFault(err)
	}
	h, err := recordOf(made)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusCreated, data: h.public(), revision: h.revision(), location: h.UID}, nil
}

// stamp is what is kept with a document of when, and by whom, it was made.
func (c *call) stamp() document {
	now := hook.Gregorian(c.api.Now())
	d := object("pvt_created", now, "pvt_modified", now, "pvt_request_id", c.id, "pvt_auth_account_id", c.who.account.ID.Hex())
	if c.who.credential.Kind == webhook.KindUser {
		d.set("pvt_auth_user_id", c.who.credential.ID.Hex())
	}
	return d
}

// showHook shows one hook.
func (c *call) showHook() (*answer, error) {
	h, err := c.api.findHook(c.ctx(), c.account.ID, c.params["hook"])
	if err != nil {
		return nil, err
	}
	return &answer{data: h.public(), revision: h.revision()}, nil
}

// replaceHook stores another document in the place of a hook's.
func (c *call) replaceHook() (*answer, error) {
	doc := submittedHook(&c.in.data)
	if err := c.api.checkHook(&doc, c.who.operator()); err != nil {
		return nil, err
	}
	return c.changeHook(func(*record) (document, error) { return doc, nil })
}

// patchHook merges into a hook's document what is given.
func (c *call) patchHook() (*answer, error) {
	return c.changeHook(func(h *record) (document, error) {
		doc := h.note.Doc.clone()
		doc.merge(submittedHook(&c.in.data))
		return doc, c.api.checkHook(&doc, c.who.operator())
	})
}

// changeHook gives the hook of the path the document that become makes of it, and
// forgets its failures.
func (c *call) changeHook(become func(h *record) (document, error)) (*answer, error) {
	found, err := c.api.findHook(c.ctx(), c.account.ID, c.params["hook"])
	if err != nil {
		return nil, err
	}
	s, err := c.api.settingsOf(c.ctx(), c.account)
	if err != nil {
		return nil, err
	}
	changed, err := c.api.Control.UpdateEndpoint(c.ctx(), found.ID, nowhere(), func(edit *edit) error {
		h, err := recordOf(&control.Endpoint{Endpoint: *edit.Endpoint})
		if err != nil {
			return err
		}
		n := h.note
		if n.Doc, err = become(h); err != nil {
			return err
		}
		n.Private = n.Private.clone()
		n.Private.set("pvt_modified", hook.Gregorian(c.api.Now()))
		edit.Subscriptions, err = c.api.apply(edit.Endpoint, edit.Subscriptions, n, s)
		edit.ResetHealth = true
		return err
	})
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, badIdentifier(c.params["hook"]) // it was deleted meanwhile
	}
	if err != nil {
		return nil, hookFault(err)
	}
	h, err := recordOf(changed)
	if err != nil {
		return nil, err
	}
	return &answer{data: h.public(), revision: h.revision()}, nil
}

// deleteHook deletes a hook and shows what it was. Its attempts stay.
func (c *call) deleteHook() (*answer, error) {
	h, err := c.api.findHook(c.ctx(), c.account.ID, c.params["hook"])
	if err != nil {
		return nil, err
	}
	err = c.api.Control.DeleteEndpoint(c.ctx(), h.ID)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, badIdentifier(h.UID)
	}
	if err != nil {
		return nil, err
	}
	return &answer{data: deleted(h.public()), revision: h.revision()}, nil
}

// deleted marks a document as one that is gone.
func deleted(d document) document {
	d.set("_read_only", object("deleted", true))
	return d
}

// enableHooks enables the hooks of an account that were disabled by themselves.
func (c *call) enableHooks() (*answer, error) { return c.enable(false) }

// enableHooksBelow does so for the descendants of the account, too.
func (c *call) enableHooksBelow() (*answer, error) { return c.enable(true) }

func (c *call) enable(descendants bool) (*answer, error) {
	const field = "re-enable"
	raw := c.in.data.get(field)
	switch text, _ := plainText(raw); {
	case raw == nil:
		return nil, fault(field, "required", "re-enable is required to patch collections")
	case text != "true":
		return nil, fault(field, "enum", unlisted, "target", []bool{true})
	}
	if _, err := c.api.EnableHooks(c.ctx(), c.account, descendants); err != nil {
		return nil, err
	}
	return &answer{data: "hooks updated"}, nil
}
