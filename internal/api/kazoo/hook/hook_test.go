package hook_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/retry"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestRetriesAreTriesInAll(t *testing.T) {
	for retries, want := range map[int]int{-1: 1, 0: 1, 1: 1, 2: 2, 4: 4, 5: 5, 9: 5} {
		policy := hook.Retry(retries, 2*time.Second)
		now := time.Unix(1_800_000_000, 0)
		tries := 1
		for {
			at, again := retry.Next(policy, int32(tries), webhook.Outcome{Result: webhook.ResultRetry}, now, nil)
			if !again {
				break
			}
			if wait := at.Sub(now); wait != 2*time.Second {
				t.Errorf("retries %d: a wait of %v after try %d", retries, wait, tries)
			}
			tries++
		}
		if tries != want {
			t.Errorf("retries %d are %d tries, want %d", retries, tries, want)
		}
		if _, again := retry.Next(policy, 1, webhook.Outcome{Result: webhook.ResultRejected, StatusCode: 500}, now, nil); again {
			t.Errorf("retries %d: an answer is followed by another try", retries)
		}
	}
}

// health lets failures ("x") and successes ("o") happen, each at its second, and says at
// which of them the hook was disabled, -1 for none.
func health(policy webhook.HealthPolicy, seconds []float64, what string) int {
	var h webhook.Health
	start := time.Unix(1_800_000_000, 0)
	for i, s := range seconds {
		result := webhook.ResultRejected
		if what[i] == 'o' {
			result = webhook.ResultDelivered
		}
		var v breaker.Verdict
		h, v = breaker.Apply(policy, h, webhook.Outcome{Result: result}, start.Add(time.Duration(s*float64(time.Second))))
		if v.Action == breaker.Disable {
			return i
		}
	}
	return -1
}

func TestAHookIsDisabledAtSoManyFailuresInTheWindow(t *testing.T) {
	six := hook.Health(6, time.Minute)
	for name, c := range map[string]struct {
		seconds []float64
		what    string
		want    int
	}{
		"the sixth":                           {[]float64{0, 1, 2, 3, 4, 5}, "xxxxxx", 5},
		"all in one moment":                   {[]float64{0, 0, 0, 0, 0, 0}, "xxxxxx", 5},
		"five":                                {[]float64{0, 1, 2, 3, 4}, "xxxxx", -1},
		"one too old":                         {[]float64{0, 56, 57, 58, 59, 60}, "xxxxxx", -1},
		"just young enough":                   {[]float64{0, 56, 57, 58, 59, 59.9}, "xxxxxx", 5},
		"a success takes nothing back":        {[]float64{0, 1, 2, 3, 4, 5, 6}, "xxoxxxx", 6},
		"one every minute":                    {[]float64{0, 60, 120, 180, 240, 300, 360}, "xxxxxxx", -1},
		"old ones and then six in the window": {[]float64{0, 1, 2, 100, 101, 102, 103, 104, 105}, "xxxxxxxxx", 8},
	} {
		if got := health(six, c.seconds, c.what); got != c.want {
			t.Errorf("%s: disabled at %d, want %d", name, got, c.want)
		}
	}
	if got := health(hook.Health(0, time.Minute), make([]float64, 20), "xxxxxxxxxxxxxxxxxxxx"); got != -1 {
		t.Errorf("without a count it is disabled at %d", got)
	}
	if six.Reason != "too many failed attempts" || !six.NoBreaker {
		t.Errorf("policy %+v", six)
	}
}

func TestConfigurationsSurviveStoring(t *testing.T) {
	c := hook.Config{ID: "x", Hook: "object", Verb: hook.Put, Format: hook.JSON, CustomData: json.RawMessage(`{"type":"user"}`)}
	raw, err := c.Raw()
	if err != nil {
		t.Fatal(err)
	}
	got, err := hook.ParseConfig(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, got); diff != "" {
		t.Error(diff)
	}
	if got, err := hook.ParseConfig(nil); err != nil || got.Verb != hook.Post || got.Format != hook.FormData {
		t.Errorf("nothing is %+v, %v", got, err)
	}
	if got, err := hook.ParseConfig([]byte(`{"custom_data": null}`)); err != nil || got.CustomData != nil {
		t.Errorf("null is %+v, %v", got, err)
	}
}

func TestTheIDOfAHook(t *testing.T) {
	e := &webhook.Endpoint{ID: id.New()}
	for want, c := range map[string]struct {
		config hook.Config
		event  webhook.Event
	}{
		e.ID.Hex(): {},
		"own":      {config: hook.Config{ID: "own"}},
		"carried":  {hook.Config{ID: "own"}, webhook.Event{Attributes: map[string]string{hook.AttributeID: "carried"}}},
	} {
		if got := hook.ID(e, c.config, &c.event); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTimesCountFromTheYearZero(t *testing.T) {
	at := time.Date(2024, 3, 12, 21, 24, 34, 0, time.UTC)
	if got := hook.Gregorian(at); got != 63877497874 {
		t.Errorf("got %d", got)
	}
	if back := hook.FromGregorian(hook.Gregorian(at)); !back.Equal(at) {
		t.Errorf("back it is %v", back)
	}
}

func TestAClusterHasOneID(t *testing.T) {
	root := id.New()
	if a := hook.ClusterID(root); a != hook.ClusterID(root) || len(a) != 32 || a == hook.ClusterID(id.New()) || a == root.Hex() {
		t.Errorf("got %s", a)
	}
}
