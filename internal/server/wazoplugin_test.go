package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/testkit"
)

// installExample installs the service that wazo-webhookd's documentation shows, as it is
// printed, and returns the directory for plug-ins.
func installExample(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("SWITCHHOOK_TEST_REQUIRE_SERVICES") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	at := filepath.Join(dir, "example")
	if err := os.CopyFS(at, os.DirFS("../deliver/viaplugin/testdata/python/example")); err != nil {
		t.Fatal(err)
	}
	host, err := filepath.Abs("../../plugins/python-host")
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("command: python3\nargs: [%q, example]\nprocesses: 2\nlimits:\n  start: 1m\n", host)
	if err := os.WriteFile(filepath.Join(at, "plugin.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheServiceOfWazosDocumentationDelivers(t *testing.T) {
	r := startWazo(t, t.TempDir(), testkit.AMQP(t).URL, testkit.AMQP(t), "plugins_dir="+installExample(t))
	services := r.do("GET", "/subscriptions/services", "", 200)["services"].(map[string]any)
	if _, ok := services["example"]; !ok {
		t.Errorf("the services are %v", services)
	}
	r.await("the bus is up", r.busIs("ok"))
	subscribe := func(config string) string {
		return r.do("POST", "/subscriptions", `{
			"name": "Example webhook",
			"service": "example",
			"config": `+config+`,
			"events": ["user_created"]
		}`, 201)["uuid"].(string)
	}
	wrong := subscribe(`{"time_sleep": 10}`)
	right := subscribe(`{"sleep_time": 1}`)
	r.happen("user_created", `{"id": 12}`)

	row := r.row(wrong)
	if detail := row["detail"].(map[string]any); row["status"] != "error" || detail["error"] != "KeyError: 'sleep_time'" {
		t.Errorf("time_sleep: the row is %v", row)
	}
	row = r.row(right)
	if detail := row["detail"].(map[string]any); row["status"] != "success" || len(detail) != 0 {
		t.Errorf("sleep_time: the row is %v", row)
	}
	if event := row["event"].(map[string]any); event["name"] != "user_created" || event["data"].(map[string]any)["id"] != 12.0 {
		t.Errorf("sleep_time: the event is %v", event)
	}
	if slept := when(t, row["ended_at"]).Sub(when(t, row["started_at"])); slept < time.Second {
		t.Errorf("sleep_time: it slept for %v", slept)
	}
}

// row waits for the first row in a subscription's log.
func (r *wazoRig) row(uuid string) map[string]any {
	r.t.Helper()
	path := "/subscriptions/" + uuid + "/logs"
	r.await("the log has a row", func() bool { return r.do("GET", path, "", 200)["total"] == 1.0 })
	return r.do("GET", path, "", 200)["items"].([]any)[0].(map[string]any)
}

func when(t *testing.T, text any) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(text))
	if err != nil {
		t.Fatal(err)
	}
	return at
}
