package deliver

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// How much is kept of what an endpoint was. No retry plan of a dialect that asks
// for the past reaches back that far.
const (
	keepPast   = 7 * 24 * time.Hour
	maxEarlier = 50
)

// past is the configuration of endpoints whose deliveries go where the endpoint led
// when their event was accepted, signed with the key of that time.
type past struct {
	Earlier []earlier `json:"earlier,omitempty"` // oldest first
}

type earlier struct {
	URL   string    `json:"url"`
	Until time.Time `json:"until"`
}

// Move makes an endpoint lead to another URL from now on. What was accepted before
// goes on to where it led: see At.
func Move(e *webhook.Endpoint, to string, now time.Time) error {
	p, err := readPast(e.Config)
	if err != nil {
		return err
	}
	if e.URL != "" && e.URL != to {
		p.Earlier = append(p.Earlier, earlier{e.URL, now})
	}
	for len(p.Earlier) > 0 && (now.Sub(p.Earlier[0].Until) > keepPast || len(p.Earlier) > maxEarlier) {
		p.Earlier = p.Earlier[1:]
	}
	e.URL, e.Config = to, nil
	if len(p.Earlier) > 0 {
		if e.Config, err = json.Marshal(p); err != nil {
			return fmt.Errorf("keep where an endpoint led: %w", err)
		}
	}
	return nil
}

// Rekey makes an endpoint sign with another key from now on. What was accepted
// before is signed as it was then: see At.
func Rekey(e *webhook.Endpoint, key webhook.Secret, now time.Time) {
	keys := []webhook.SigningKey{{Key: key, CreatedAt: now}}
	until := now // of the next older key
	for _, k := range e.Keys {
		if now.Sub(until) > keepPast || len(keys) > maxEarlier {
			break
		}
		k.ExpiresAt = until
		keys = append(keys, k)
		until = k.CreatedAt
	}
	e.Keys = keys
}

// At says where an endpoint led at a moment, and what its deliveries were signed
// with then. What is no longer known is answered with the oldest that is.
func At(e *webhook.Endpoint, at time.Time) (url string, key webhook.Secret, err error) {
	p, err := readPast(e.Config)
	if err != nil {
		return "", "", err
	}
	url = e.URL
	for _, was := range p.Earlier {
		if at.Before(was.Until) {
			url = was.URL
			break
		}
	}
	for _, k := range e.Keys { // newest first
		key = k.Key
		if !k.CreatedAt.After(at) {
			break
		}
	}
	return url, key, nil
}

// CheckPast says whether an endpoint's configuration is one that Move made.
func CheckPast(config json.RawMessage) error {
	_, err := readPast(config)
	return err
}

func readPast(config json.RawMessage) (past, error) {
	var p past
	if len(config) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(config, &p); err != nil {
		return p, webhook.Errorf(webhook.CodeInvalid, "config", "must hold where the endpoint led earlier, and nothing else")
	}
	return p, nil
}
