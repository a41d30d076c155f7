package pywebhooks_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/pywebhooks"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Records of a PyWebhooks. The hashes of the keys were made with Python's hashlib.
const (
	oldAdmin = `{"api_key": "HASH1", "endpoint": "", "epoch": 1441164269.341982, "id": "ed408f85-200e-481f-a672-30f454e8dcf4", "is_admin": true, "secret_key": "ab502753cbb68b90601cace345fe84fb2bb5b8dd", "username": "admin"}`
	oldSarah = `{"api_key": "HASH1", "endpoint": "http://RECEIVER/sarah", "epoch": 1441164550.515677, "failed_count": 3, "id": "45712a61-a1b3-41a4-aa89-9593b909ae3d", "is_admin": false, "secret_key": "5a4a1cf4895441a1dfaa504c471510be819198e7", "username": "sarahfranks"}`
	oldJohn  = `{"api_key": "HASH2", "endpoint": "http://RECEIVER/john", "epoch": 1441164337, "failed_count": 251, "id": "d969a56d-e520-405d-a24f-497ac6923781", "is_admin": false, "secret_key": "2381a87ba4725786f29ca414d3217e202615f757", "username": "john doe"}`

	oldRegistration = `{"account_id": "d969a56d-e520-405d-a24f-497ac6923781", "description": "d", "epoch": 1441166640.359496, "event": "mywebhook.event", "event_data": {"message": "hello world", "items": [{"item1": 1}, {"item2": 2}]}, "id": "3e25a22e-6a83-4cf0-a2bf-d7617aa32551"}`
	oldOrphan       = `{"account_id": "11111111-1111-4111-8111-111111111111", "description": null, "epoch": 1441166641.5, "event": null, "event_data": null, "id": "22222222-2222-4222-8222-222222222222"}`
	oldSubscription = `{"account_id": "45712a61-a1b3-41a4-aa89-9593b909ae3d", "epoch": 1441144968.505692, "id": "9e596765-da94-46d2-9f9d-a4d7ecc374ab", "registration_id": "3e25a22e-6a83-4cf0-a2bf-d7617aa32551"}`
	oldLonely       = `{"account_id": "11111111-1111-4111-8111-111111111111", "epoch": 1441144969.5, "id": "33333333-3333-4333-8333-333333333333", "registration_id": "3e25a22e-6a83-4cf0-a2bf-d7617aa32551"}`
	oldTriggered    = `{"epoch": 1441333750.649395, "id": "fc20ee3f-2278-4d14-1058-afab5b2c1b34", "registration_id": "3e25a22e-6a83-4cf0-a2bf-d7617aa32551"}`

	sarahKey  = "be23d9ccb29082c489ba629077553ba1d8314005"
	sarahHash = "pbkdf2:sha1:1000$vTuQRKeb$eec0bdffebde0d3c28290d41f4d848fbde04571c"
	johnKey   = "ee98cb7b5da901c12bac7c263b28f7a028a5de97"
	johnHash  = "pbkdf2:sha256:2000$I5r0MTsM$bbc1bfffdc5c46fae5be43dd7a6ba24dfc240a2f92f87bffc96be88ae52ce723"
)

// table fills in hashes and the receiver's address.
func table(r *testkit.Receiver, records ...string) string {
	return strings.NewReplacer("HASH1", sarahHash, "HASH2", johnHash, "RECEIVER", r.Addr()).Replace(strings.Join(records, "\n"))
}

// moveIn imports a file and returns what it stored.
func (w *world) moveIn(file io.Reader) (pywebhooks.Moved, error) {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), "POST", "/import", file)
	out, err := w.api.Operations()["POST /import"](r)
	if err != nil {
		return pywebhooks.Moved{}, err
	}
	return out.(pywebhooks.Moved), nil
}

// state is everything that the API shows to the admin.
func (w *world) state(admin account) map[string][]object {
	w.Helper()
	all := map[string][]object{}
	for path, name := range map[string]string{
		"/accounts": "accounts", "/webhook/registrations": "registrations",
		"/webhook/subscriptions": "subscriptions", "/webhook/triggered": "triggered_webhooks",
	} {
		all[name] = w.records(admin, path, name)
	}
	return all
}

func TestADatabaseMovesIn(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	// In an order in which nothing is there when it is needed.
	file := table(r, oldTriggered, oldSubscription, oldLonely, oldOrphan, oldRegistration, oldSarah, oldJohn)
	did, err := w.moveIn(strings.NewReader(file))
	w.must(err)
	if want := (pywebhooks.Moved{Accounts: 2, Registrations: 2, Subscriptions: 2, TriggeredWebhooks: 1}); did != want {
		t.Errorf("got %v, want %v", did, want)
	}
	state := w.state(w.admin)
	want := map[string][]object{
		"accounts": {
			{"id": "d969a56d-e520-405d-a24f-497ac6923781", "username": "john doe", "epoch": 1441164337.0, "failed_count": 251.0, "is_admin": false, "api_key": johnHash, "endpoint": r.URLFor("/john"), "secret_key": "2381a87ba4725786f29ca414d3217e202615f757"},
			{"id": "45712a61-a1b3-41a4-aa89-9593b909ae3d", "username": "sarahfranks", "epoch": 1441164550.515677, "failed_count": 3.0, "is_admin": false, "api_key": sarahHash, "endpoint": r.URLFor("/sarah"), "secret_key": "5a4a1cf4895441a1dfaa504c471510be819198e7"},
			state["accounts"][2],
		},
		"registrations": {
			{"id": "3e25a22e-6a83-4cf0-a2bf-d7617aa32551", "account_id": "d969a56d-e520-405d-a24f-497ac6923781", "description": "d", "epoch": 1441166640.359496, "event": "mywebhook.event", "event_data": object{"message": "hello world", "items": []any{object{"item1": 1.0}, object{"item2": 2.0}}}},
			{"id": "22222222-2222-4222-8222-222222222222", "account_id": "11111111-1111-4111-8111-111111111111", "description": nil, "epoch": 1441166641.5, "event": nil, "event_data": nil},
		},
		"subscriptions": {
			{"id": "9e596765-da94-46d2-9f9d-a4d7ecc374ab", "account_id": "45712a61-a1b3-41a4-aa89-9593b909ae3d", "epoch": 1441144968.505692, "registration_id": "3e25a22e-6a83-4cf0-a2bf-d7617aa32551"},
			{"id": "33333333-3333-4333-8333-333333333333", "account_id": "11111111-1111-4111-8111-111111111111", "epoch": 1441144969.5, "registration_id": "3e25a22e-6a83-4cf0-a2bf-d7617aa32551"},
		},
		"triggered_webhooks": {
			{"id": "fc20ee3f-2278-4d14-1058-afab5b2c1b34", "epoch": 1441333750.649395, "registration_id": "3e25a22e-6a83-4cf0-a2bf-d7617aa32551"},
		},
	}
	if diff := cmp.Diff(want, state); diff != "" {
		t.Error(diff)
	}

	// Everybody goes on with what they have: keys, secrets, subscriptions.
	john := account{"d969a56d-e520-405d-a24f-497ac6923781", "john doe", johnKey, ""}
	for range 2 { // the first time by the slow hash
		w.want(200, john, "GET", "/account/"+john.id, "")
		w.fails(401, "Invalid API key", john, "GET", "/account/"+john.id, "", "api-key", sarahKey)
	}
	sarah := account{"45712a61-a1b3-41a4-aa89-9593b909ae3d", "sarahfranks", sarahKey, ""}
	w.want(200, sarah, "GET", "/account/"+sarah.id, "")
	w.subscribe(john, "3e25a22e-6a83-4cf0-a2bf-d7617aa32551") // over the limit
	w.trigger(john, "3e25a22e-6a83-4cf0-a2bf-d7617aa32551")
	got := w.posts(r, 1)[0]
	if got.Target != "/sarah" || got.Header.Get("pywebhooks-signature") != "6f03a972308786b9d21b41fb821a3ce8dc51cafa" || got.Header.Get("event") != "mywebhook.event" {
		t.Errorf("got %s", got.Head)
	}
	w.failedCount(sarah, 0)

	// The second time changes nothing, also of what was changed meanwhile.
	w.sums("replaced", 1, john, "PATCH", "/account", `{"endpoint": "`+r.URLFor("/new")+`"}`)
	state = w.state(w.admin)
	did, err = w.moveIn(strings.NewReader(file))
	w.must(err)
	if did != (pywebhooks.Moved{}) {
		t.Errorf("stored again: %v", did)
	}
	if diff := cmp.Diff(state, w.state(w.admin)); diff != "" {
		t.Error(diff)
	}
	// What came later moves in, too.
	more := strings.ReplaceAll(oldSubscription, "9e596765", "9e596766")
	did, err = w.moveIn(strings.NewReader(table(r, oldSarah, more)))
	w.must(err)
	if did != (pywebhooks.Moved{Subscriptions: 1}) {
		t.Errorf("got %v", did)
	}
	w.trigger(john, "3e25a22e-6a83-4cf0-a2bf-d7617aa32551")
	w.posts(r, 4)
}

func TestTheAdminThatMovesInTakesTheOthersPlace(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	for range 2 {
		_, err := w.moveIn(strings.NewReader(table(r, oldAdmin)))
		w.must(err)
	}
	w.fails(401, "Invalid API key", w.admin, "GET", "/accounts?start=0&limit=9", "")
	moved := account{"ed408f85-200e-481f-a672-30f454e8dcf4", "admin", sarahKey, ""}
	all := w.records(moved, "/accounts", "accounts")
	if len(all) != 1 || all[0]["id"] != moved.id || all[0]["is_admin"] != true || all[0]["failed_count"] != nil {
		t.Errorf("got %v", all)
	}
	// One that has been at work stays.
	w.register(moved, "e")
	_, err := w.moveIn(strings.NewReader(table(r, "", strings.Replace(oldAdmin, "ed408f85", "ed408f86", 1))))
	if webhook.CodeOf(err) != webhook.CodeInvalid || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

func TestTablesAreReadInEveryForm(t *testing.T) {
	r := testkit.NewReceiver(t)
	records := strings.Split(table(r, oldSarah, oldJohn, oldRegistration, oldSubscription, oldTriggered), "\n")
	array := func(records ...string) string { return "[\n" + strings.Join(records, ",\n") + "\n]\n" }
	pack := func(files map[string]string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		a := tar.NewWriter(z)
		for name, text := range files {
			if err := a.WriteHeader(&tar.Header{Name: "rethinkdb_dump/pywebhooks/" + name, Mode: 0o600, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(a, text); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for name, file := range map[string]string{
		"lines":            strings.Join(records, "\n"),
		"lines of Windows": "\ufeff" + strings.Join(records, "\r\n\r\n") + "\r\n",
		"arrays":           array(records[0], records[1]) + array() + array(records[2]) + "[]\n" + array(records[3], records[4]),
		"one line":         "[" + strings.Join(records, ", ") + "]",
		"glued":            strings.Join(records, ""),
		"a dump": pack(map[string]string{
			"accounts.json": array(records[0], records[1]), "registrations.json": array(records[2]), "subscriptions.json": array(records[3]),
			"triggered_webhooks.json": array(records[4]), "accounts.info": `{"name": "accounts", "username": 5}`,
		}),
	} {
		w := newWorld(t)
		did, err := w.moveIn(strings.NewReader(file))
		if want := (pywebhooks.Moved{Accounts: 2, Registrations: 1, Subscriptions: 1, TriggeredWebhooks: 1}); err != nil || did != want {
			t.Errorf("%s: %v, %v", name, did, err)
		}
	}
}

func TestABadLineIsNamedAndNothingIsTakenOver(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	w.join("taken", r)
	before := w.state(w.admin)
	change := func(record, from, to string) string {
		if !strings.Contains(record, from) {
			t.Fatalf("%s has no %s", record, from)
		}
		return strings.Replace(record, from, to, 1)
	}
	for name, bad := range map[string]string{
		"no JSON":                 `{"username": `,
		"an array":                `5`,
		"no table":                `{"id": "45712a61-a1b3-41a4-aa89-9593b909ae3d"}`,
		"no id":                   change(oldSarah, `"id"`, `"no"`),
		"an id that is none":      change(oldSarah, "45712a61", "45712a6"),
		"an id that came before":  change(oldSarah, "45712a61-a1b3-41a4-aa89-9593b909ae3d", "d969a56d-e520-405d-a24f-497ac6923781"),
		"a username of no kind":   change(oldSarah, `"sarahfranks"`, `5`),
		"an empty username":       change(oldSarah, `"sarahfranks"`, `""`),
		"a username that is here": change(oldSarah, "sarahfranks", "taken"),
		"a username of the file":  change(oldSarah, "sarahfranks", "john doe"),
		"an impostor":             change(oldSarah, "sarahfranks", "admin"),
		"a hash of no kind":       change(oldSarah, "HASH1", "pbkdf2:sha512:1000$a$b"),
		"a plain key":             change(oldSarah, "HASH1", sarahKey),
		"a hash too slow":         change(oldSarah, "HASH1", strings.Replace(sarahHash, "1000", "1000000000", 1)),
		"a hash cut short":        change(oldSarah, "HASH1", sarahHash[:50]),
		"no secret key":           change(oldSarah, `"5a4a1cf4895441a1dfaa504c471510be819198e7"`, `""`),
		"an endpoint inside":      change(oldSarah, "http://RECEIVER", "http://10.0.0.1"),
		"an endpoint of no kind":  change(oldSarah, `"http://RECEIVER/sarah"`, `5`),
		"an epoch of no kind":     change(oldSarah, "1441164550.515677", `"1441164550.515677"`),
		"an epoch of no time":     change(oldSarah, "1441164550.515677", `1e300`),
		"a count of no kind":      change(oldSarah, `"failed_count": 3`, `"failed_count": -3`),
		"an event of no kind":     change(oldRegistration, `"mywebhook.event"`, `5`),
		"no description":          change(oldRegistration, `"description"`, `"x"`),
		"nobody's registration":   change(oldRegistration, `"d969a56d-e520-405d-a24f-497ac6923781"`, `null`),
		"nobody's subscription":   change(oldSubscription, `"45712a61-a1b3-41a4-aa89-9593b909ae3d"`, `5`),
		"a subscription to none":  change(oldSubscription, `"3e25a22e-6a83-4cf0-a2bf-d7617aa32551"`, `""`),
		"a trigger at no time":    change(oldTriggered, `1441333750.649395`, `null`),
	} {
		_, err := w.moveIn(strings.NewReader(table(r, oldJohn, "", bad, strings.Replace(oldTriggered, "fc20", "fc21", 1))))
		if webhook.CodeOf(err) != webhook.CodeInvalid || !strings.Contains(err.Error(), "line 3: ") || !strings.Contains(err.Error(), "nothing was taken over") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, file := range []string{"\x1f\x8b", "\x1f\x8b\x08\x00nonsense"} {
		if _, err := w.moveIn(strings.NewReader(file)); webhook.CodeOf(err) != webhook.CodeInvalid {
			t.Errorf("%q: %v", file, err)
		}
	}
	if after := w.state(w.admin); !reflect.DeepEqual(before, after) {
		t.Errorf("something was taken over: %s", cmp.Diff(before, after))
	}
}

func TestAnImportedSecretSigns(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	_, err := w.moveIn(strings.NewReader(table(r, oldSarah)))
	w.must(err)
	sarah := account{"45712a61-a1b3-41a4-aa89-9593b909ae3d", "sarahfranks", sarahKey, ""}
	registration := w.register(sarah, "e")
	w.subscribe(sarah, registration)
	w.trigger(sarah, registration)
	if got := w.posts(r, 1)[0]; got.Header.Get("pywebhooks-signature") != sign.SHA1Hex("5a4a1cf4895441a1dfaa504c471510be819198e7", got.Body) {
		t.Error("it is signed with another key")
	}
}
