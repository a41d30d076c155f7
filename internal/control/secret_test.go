package control_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/webhook"
)

func (w *world) rotate(endpoint id.ID, r control.Rotation) *control.Endpoint {
	w.Helper()
	e, err := w.c.RotateKey(w.Context(), endpoint, r)
	w.must(err)
	return e
}

func TestAfterARotationTheOldKeySignsAlongForAWhile(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(w.app().ID)
	old := e.Keys[0].Key
	next := w.rotate(e.ID, control.Rotation{Grace: control.DefaultGrace})
	w.same(len(next.Keys), 2)
	w.same(next.Keys[0].CreatedAt, w.now)
	w.same(next.Keys[0].ExpiresAt, time.Time{})
	w.same(next.Keys[1].Key == old, true)
	w.same(next.Keys[1].ExpiresAt, w.now.Add(24*time.Hour))
	if next.Keys[0].Key == old {
		t.Error("the key is the same")
	}

	w.now = w.now.Add(24 * time.Hour)
	last := w.rotate(e.ID, control.Rotation{Grace: 0})
	w.same(len(last.Keys), 1) // one expired, one replaced at once
}

func TestARotationTakesTheKeyThatIsGiven(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(w.app().ID)
	given := sign.NewAsymmetric()
	got := w.rotate(e.ID, control.Rotation{Key: given})
	w.same(got.Keys[0].Key == given, true)
	// A fresh one is then of the same kind.
	got = w.rotate(e.ID, control.Rotation{})
	w.same(strings.HasPrefix(got.Keys[0].Key.Reveal(), "whsk_"), true)

	for _, key := range []webhook.Secret{"plain", "whsec_AAAA", "whsk_AAAA"} {
		_, err := w.c.RotateKey(t.Context(), e.ID, control.Rotation{Key: key})
		w.fails(err, webhook.CodeInvalid, "key")
		if strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%v repeats the key", err)
		}
	}
	for _, grace := range []time.Duration{-1, control.MaxGrace + 1} {
		_, err := w.c.RotateKey(t.Context(), e.ID, control.Rotation{Grace: grace})
		w.fails(err, webhook.CodeInvalid, "gracePeriod")
	}
	_, err := w.c.RotateKey(t.Context(), id.New(), control.Rotation{})
	w.fails(err, webhook.CodeNotFound, "")
}

func TestOnlySoManyOldKeysSignAlong(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(w.app().ID)
	for range control.MaxOldKeys {
		w.rotate(e.ID, control.Rotation{Grace: control.MaxGrace})
	}
	_, err := w.c.RotateKey(t.Context(), e.ID, control.Rotation{Grace: control.MaxGrace})
	w.fails(err, webhook.CodeLimit, "")
	w.now = w.now.Add(control.MaxGrace)
	w.same(len(w.rotate(e.ID, control.Rotation{Grace: time.Hour}).Keys), 2)
}

func TestReceiversGetWhatTheyVerifyWith(t *testing.T) {
	w := newWorld(t)
	symmetric, asymmetric := sign.NewSymmetric(), sign.NewAsymmetric()
	public, err := sign.Public(asymmetric)
	w.must(err)
	for key, want := range map[webhook.Secret]string{symmetric: symmetric.Reveal(), asymmetric: public, "own": "own"} {
		got, err := w.c.VerificationKey(&webhook.Endpoint{Keys: []webhook.SigningKey{{Key: key}}})
		w.must(err)
		w.same(got, want)
	}
	_, err = w.c.VerificationKey(&webhook.Endpoint{})
	w.fails(err, webhook.CodeNotFound, "")
}
