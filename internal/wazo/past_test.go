package wazo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/webhook"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// told writes one document after the other to an endpoint, a minute apart.
func told(t *testing.T, all ...Document) *webhook.Endpoint {
	t.Helper()
	e := &webhook.Endpoint{Retry: Retry(10, 2)}
	for i := range all {
		replace(t, e, all[i], start.Add(time.Duration(i)*time.Minute))
	}
	return e
}

func replace(t *testing.T, e *webhook.Endpoint, d Document, now time.Time) {
	t.Helper()
	if err := d.Replace(e, now); err != nil {
		t.Fatal(err)
	}
	got, err := DocumentOf(e)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Config, d.Config) || !bytes.Equal(ConfigOf(e), d.Config) {
		t.Errorf("the configuration is %s", got.Config)
	}
	d.UUID, d.Metadata, d.Config, got.Config = e.ID.String(), map[string]*string{}, nil, nil
	if diff := cmp.Diff(&d, got); diff != "" {
		t.Error(diff)
	}
}

func numbered(n int) Document {
	return Document{Name: fmt.Sprint(n), Service: "http", Config: json.RawMessage(fmt.Sprintf(`{"url":"http://host/%d?<&>"}`, n)), OwnerTenantUUID: tenant}
}

// then is the name that the subscription had for an event of a moment.
func then(t *testing.T, e *webhook.Endpoint, at time.Time, by webhook.Trigger) string {
	t.Helper()
	d, err := DocumentFor(e, &webhook.Event{CreatedAt: at}, &webhook.Delivery{Trigger: by})
	if err != nil {
		t.Fatal(err)
	}
	if want := "/" + d.Name + "?<&>"; !strings.Contains(string(d.Config), want) || d.UUID != e.ID.String() {
		t.Errorf("%s has the configuration %s", d.Name, d.Config)
	}
	return d.Name
}

func TestADeliveryIsForWhatTheSubscriptionWas(t *testing.T) {
	e := told(t, numbered(0), numbered(1), numbered(2))
	for at, want := range map[time.Duration]string{
		-time.Hour: "0", 0: "0", 59 * time.Second: "0", time.Minute: "1", 119 * time.Second: "1", 2 * time.Minute: "2", time.Hour: "2",
	} {
		if got := then(t, e, start.Add(at), webhook.Scheduled); got != want {
			t.Errorf("after %v it was %s, want %s", at, got, want)
		}
	}
	if got := then(t, e, start, webhook.Manual); got != "2" {
		t.Errorf("sent again for %s", got)
	}
	other := numbered(3)
	other.Service = "example"
	replace(t, e, other, start.Add(time.Hour))
	if got := then(t, e, start, webhook.Scheduled); got != "3" {
		t.Errorf("another service gets %s", got)
	}
}

func TestThePastIsForgotten(t *testing.T) {
	e := told(t, numbered(0), numbered(1))
	replace(t, e, numbered(2), start.Add(25*time.Hour))
	if got := then(t, e, start, webhook.Scheduled); got != "1" {
		t.Errorf("after a day it was %s", got)
	}
	var many []Document
	for n := range 42 {
		d := numbered(n)
		if n > 30 {
			d.Config = json.RawMessage(fmt.Sprintf(`{"url":"http://host/%d?<&>","body":"%s"}`, n, strings.Repeat("x", 60_000)))
		}
		many = append(many, d)
	}
	if got := then(t, told(t, many[:30]...), start, webhook.Scheduled); got != "9" {
		t.Errorf("of 30 the oldest is %s", got)
	}
	e = told(t, many...)
	if len(e.Config) > 512<<10 || then(t, e, start, webhook.Scheduled) != "34" {
		t.Errorf("%d bytes, the oldest is %s", len(e.Config), then(t, e, start, webhook.Scheduled))
	}
	d := numbered(0)
	d.Config = json.RawMessage(`{"url":"http://host/0?<&>","body":"` + strings.Repeat("x", 600_000) + `"}`)
	replace(t, e, d, start.Add(2*time.Hour))
	if !bytes.Equal(e.Config, d.Config) {
		t.Errorf("%d bytes beside a large configuration", len(e.Config)-len(d.Config))
	}
}

func TestAConfigurationThatLooksLikeAPastIsNone(t *testing.T) {
	e := &webhook.Endpoint{}
	for _, config := range []string{`{"wazo:earlier":[{}],"config":{"a":1}}`, `{"wazo:earlier":[]}`, `{}`} {
		d := numbered(0)
		d.Config = json.RawMessage(config)
		replace(t, e, d, start)
		if err := d.Onto(e); err != nil || string(ConfigOf(e)) != config {
			t.Errorf("%s is kept as %s: %v", config, e.Config, err)
		}
	}
}
