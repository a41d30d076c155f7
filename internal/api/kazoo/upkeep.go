package kazoo

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/webhook"
)

type hookOut struct {
	ID      string `json:"id"`
	URI     string `json:"uri"`
	Verb    string `json:"verb"`
	Event   string `json:"event"`   // as attempts name it
	Retries int    `json:"retries"` // requests in all
	Account string `json:"account_id"`
}

// hooksConfigured lists the hooks that fire: those that are not disabled.
func (a *API) hooksConfigured(r *http.Request) (any, error) {
	out := []hookOut{}
	err := a.eachHook(r, func(h *record) error {
		if h.Enabled {
			doc := &h.note.Doc
			out = append(out, hookOut{h.UID, doc.text("uri"), doc.text("http_verb"), hook.Config{Hook: doc.text("hook")}.Event(), hook.Tries(int(doc.number("retries"))), h.AccountID.Hex()})
		}
		return nil
	})
	return out, err
}

// eachHook visits the hooks of the account that the request names, or of all accounts.
func (a *API) eachHook(r *http.Request, visit func(h *record) error) error {
	text := r.URL.Query().Get("account")
	if text == "" {
		return a.everyHook(r.Context(), visit)
	}
	account, err := a.accountNamed(r.Context(), "account", text)
	if err != nil {
		return err
	}
	hooks, err := a.hooksOf(r.Context(), account.ID)
	if err != nil {
		return err
	}
	for _, h := range hooks {
		if err := visit(h); err != nil {
			return err
		}
	}
	return nil
}

// changeSettings sets how many failures within which time disable a hook: of an
// account, or of the system.
func (a *API) changeSettings(r *http.Request) (any, error) {
	in, err := operationBody(r)
	if err != nil {
		return nil, err
	}
	account, err := a.accountNamed(r.Context(), "account", in.text("account"))
	if err != nil {
		return nil, err
	}
	ofSystem := !in.has("account")
	expiry, err := settingIn(&in, failureExpiry, maxFailureExpiry.Milliseconds())
	if err != nil {
		return nil, err
	}
	count, err := settingIn(&in, failureCount, maxFailureCount)
	if err != nil {
		return nil, err
	}
	given := systemNote{FailureExpiryMS: expiry, FailureCount: int(count)}
	changed, err := a.Control.UpdateAccount(r.Context(), account.ID, func(a *webhook.Account) error { return given.keep(a, ofSystem) })
	if err != nil {
		return nil, err
	}
	if ofSystem {
		err = a.Settle(r.Context())
	} else {
		err = a.settle(r.Context(), changed)
	}
	if err != nil {
		return nil, err
	}
	s, err := a.settingsOf(r.Context(), changed)
	if err != nil {
		return nil, err
	}
	return object("account", account.ID.Hex(), failureExpiry, s.FailureExpiry.Milliseconds(), failureCount, s.FailureCount), nil
}

// settingIn reads a setting; 0 where it is not given.
func settingIn(in *document, name string, most int64) (int64, error) {
	raw := in.get(name)
	if raw == nil {
		return 0, nil
	}
	var v int64
	if json.Unmarshal(raw, &v) != nil || v < 1 || v > most {
		return 0, webhook.Errorf(webhook.CodeInvalid, name, "must be a whole number from 1 to %d", most)
	}
	return v, nil
}

// keep puts what the note says into an account: into the system's settings, which are
// kept with the root account, or into those of the account's own document.
func (n systemNote) keep(a *webhook.Account, ofSystem bool) error {
	kept, err := accountNoteOf(a)
	if err != nil {
		return err
	}
	if ofSystem {
		kept.System.FailureExpiryMS = cmp.Or(n.FailureExpiryMS, kept.System.FailureExpiryMS)
		kept.System.FailureCount = cmp.Or(n.FailureCount, kept.System.FailureCount)
		return annotate(&a.Annotations, kept)
	}
	configs, err := parseDocument(kept.Doc.get(accountConfigs))
	if err != nil {
		return err
	}
	if n.FailureExpiryMS > 0 {
		configs.set(failureExpiry, n.FailureExpiryMS)
	}
	if n.FailureCount > 0 {
		configs.set(failureCount, n.FailureCount)
	}
	kept.Doc.set(accountConfigs, configs)
	return annotate(&a.Annotations, kept)
}

type failureOut struct {
	Account string `json:"account_id"`
	Hook    string `json:"hook_id"`
	Count   int    `json:"count"`
}

// failureStatus lists the hooks that failed within their windows.
func (a *API) failureStatus(r *http.Request) (any, error) {
	out := []failureOut{}
	err := a.eachFailing(r, func(h *control.Endpoint, count int) error {
		out = append(out, failureOut{h.AccountID.Hex(), h.UID, count})
		return nil
	})
	return out, err
}

// eachFailing visits the hooks that failed within their windows.
func (a *API) eachFailing(r *http.Request, visit func(h *control.Endpoint, count int) error) error {
	return a.eachHook(r, func(h *record) error {
		e, err := a.Control.FindEndpoint(r.Context(), h.AccountID, h.ID, "")
		switch {
		case webhook.CodeOf(err) == webhook.CodeNotFound:
			return nil
		case err != nil:
			return err
		}
		count, start := 0, a.Now().Add(-e.Health.Window)
		for _, at := range e.State.RecentFailures {
			if at.After(start) {
				count++
			}
		}
		if count == 0 {
			return nil
		}
		return visit(e, count)
	})
}

// operatorEnable enables what was disabled by itself in an account, or below it, too.
func (a *API) operatorEnable(r *http.Request) (any, error) {
	in, err := operationBody(r)
	if err != nil {
		return nil, err
	}
	if !in.has("account") {
		return nil, webhook.Errorf(webhook.CodeInvalid, "account", "must be there")
	}
	account, err := a.accountNamed(r.Context(), "account", in.text("account"))
	if err != nil {
		return nil, err
	}
	names, err := a.EnableHooks(r.Context(), account, in.flag("descendants", false))
	return object("enabled", names), err
}

// flushFailures forgets the failures of the hooks of an account, or of one of them.
func (a *API) flushFailures(r *http.Request) (any, error) {
	if r.URL.Query().Get("account") == "" {
		return nil, webhook.Errorf(webhook.CodeInvalid, "account", "must be there")
	}
	only, flushed := r.URL.Query().Get("hook"), 0
	err := a.eachFailing(r, func(h *control.Endpoint, count int) error {
		if only != "" && only != h.UID {
			return nil
		}
		_, err := a.Control.UpdateEndpoint(r.Context(), h.ID, nowhere(), func(edit *edit) error {
			edit.ResetHealth = true
			return nil
		})
		flushed += count
		return err
	})
	return object("flushed", flushed), err
}

// resetHookTypes reads the hook types again, and says which there are: all, or the one
// that is named. Where a type is declared wrongly all stay as they were.
func (a *API) resetHookTypes(r *http.Request) (any, error) {
	in, err := operationBody(r)
	if err != nil {
		return nil, err
	}
	if err := a.Catalogue.Reload(); err != nil {
		return nil, webhook.Errorf(webhook.CodeInvalid, "hook_types_dir", "%v", err)
	}
	if err := a.TypesChanged(r.Context()); err != nil {
		return nil, err
	}
	only := strings.TrimPrefix(in.text("id"), hooktype.SamplePrefix)
	names := []string{}
	for _, t := range a.Catalogue.Types() {
		if only == "" || only == t.ID {
			names = append(names, hooktype.SamplePrefix+t.ID)
		}
	}
	if len(names) == 0 {
		return nil, webhook.Errorf(webhook.CodeNotFound, "id", "there is no hook type %s", only)
	}
	return object("hook_types", names), nil
}
