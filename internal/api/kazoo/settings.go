package kazoo

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Settings decide when a hook that fails is disabled. Zero fields take the defaults
// named.
type Settings struct {
	FailureExpiry time.Duration // failures count for this long: 60 s
	FailureCount  int           // so many of them disable: 6
	Never         bool          // nothing is ever disabled
}

func (s Settings) withDefaults() Settings {
	if s.FailureExpiry <= 0 {
		s.FailureExpiry = time.Minute
	}
	if s.FailureCount <= 0 {
		s.FailureCount = 6
	}
	return s
}

// The member of an account's document that has its own settings, and its members.
const (
	accountConfigs = "configs_webhooks"
	failureExpiry  = "attempt_failure_expiry_ms"
	failureCount   = "attempt_failure_count"
)

// Limits of what the engine can count.
const (
	maxFailureExpiry = 24 * time.Hour
	maxFailureCount  = 1000
)

// systemNote is what the dialect keeps with the root account beside its document.
type systemNote struct {
	FailureExpiryMS int64 `json:"attempt_failure_expiry_ms,omitempty"`
	FailureCount    int   `json:"attempt_failure_count,omitempty"`
}

// over returns settings with what the note says in their place.
func (n systemNote) over(s Settings) Settings {
	if n.FailureExpiryMS > 0 {
		s.FailureExpiry = min(time.Duration(n.FailureExpiryMS)*time.Millisecond, maxFailureExpiry)
	}
	if n.FailureCount > 0 {
		s.FailureCount = min(n.FailureCount, maxFailureCount)
	}
	return s
}

// settingsOf returns the settings that hold for an account: its own over the system's.
// A value that is no number is none.
func (a *API) settingsOf(ctx context.Context, account *webhook.Account) (Settings, error) {
	root, err := a.Control.Root(ctx)
	if err != nil {
		return Settings{}, err
	}
	system, err := accountNoteOf(root)
	if err != nil {
		return Settings{}, err
	}
	own, err := accountNoteOf(account)
	if err != nil {
		return Settings{}, err
	}
	return ownSettings(&own.Doc).over(system.System.over(a.Settings)), nil
}

func ownSettings(doc *document) systemNote {
	var n systemNote
	configs, err := parseDocument(doc.get(accountConfigs))
	if err != nil {
		return n
	}
	if raw := rounded(spelled(configs.get(failureExpiry))); raw != nil {
		n.FailureExpiryMS = atMost(raw, maxFailureExpiry.Milliseconds())
	}
	if raw := rounded(spelled(configs.get(failureCount))); raw != nil {
		n.FailureCount = int(atMost(raw, maxFailureCount))
	}
	return n
}

func atMost(raw json.RawMessage, most int64) int64 {
	var n int64
	_ = json.Unmarshal(raw, &n) // rounded gives nothing else
	return min(n, most)
}

// health is the policy that settings come to.
func (s Settings) health() webhook.HealthPolicy {
	if s.Never {
		return hook.Health(0, 0)
	}
	return hook.Health(min(s.FailureCount, maxFailureCount), s.FailureExpiry)
}

// Settle brings the hooks of all accounts in line with the settings as they are now. It
// changes only those that are not.
func (a *API) Settle(ctx context.Context) error {
	settings := map[id.ID]Settings{}
	return a.everyHook(ctx, func(h *record) error {
		s, known := settings[h.AccountID]
		if !known {
			account, err := a.Control.Account(ctx, h.AccountID)
			if webhook.CodeOf(err) == webhook.CodeNotFound {
				return nil // it was deleted meanwhile
			}
			if err != nil {
				return err
			}
			if s, err = a.settingsOf(ctx, account); err != nil {
				return err
			}
			settings[h.AccountID] = s
		}
		return a.settleHook(ctx, h, s)
	})
}

// settle does so for one account.
func (a *API) settle(ctx context.Context, account *webhook.Account) error {
	hooks, err := a.hooksOf(ctx, account.ID)
	if err != nil || len(hooks) == 0 {
		return err
	}
	s, err := a.settingsOf(ctx, account)
	if err != nil {
		return err
	}
	for _, h := range hooks {
		if err := a.settleHook(ctx, h, s); err != nil {
			return err
		}
	}
	return nil
}

func (a *API) settleHook(ctx context.Context, h *record, s Settings) error {
	health, retry := s.health(), a.retry(&h.note.Doc)
	if h.Health == health && reflect.DeepEqual(h.Retry, retry) {
		return nil
	}
	_, err := a.Control.UpdateEndpoint(ctx, h.ID, nowhere(), func(edit *edit) error {
		edit.Endpoint.Health, edit.Endpoint.Retry = health, retry
		return nil
	})
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil
	}
	return err
}
