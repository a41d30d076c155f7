package viaplugin

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/webhook"
)

// host is the program that runs services of wazo-webhookd.
const host = "../../../plugins/python-host"

// python returns the name of an interpreter.
func python(t *testing.T) string {
	t.Helper()
	const name = "python3"
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("SWITCHHOOK_TEST_REQUIRE_SERVICES") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return name
}

// runPython runs a service by the host, in dir.
func runPython(t *testing.T, dir string, o Options, args ...string) *running {
	t.Helper()
	at, err := filepath.Abs(host)
	if err != nil {
		t.Fatal(err)
	}
	o.Command, o.Args, o.Dir = python(t), append([]string{at}, args...), dir
	o.Env = append(o.Env, "PYTHONDONTWRITEBYTECODE=1")
	o.Start = patience
	return run(t, o)
}

// packages copies a folder of testdata/python.
func packages(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata/python", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mustSleep shows that the documented sample runs, and what it says when its option is missing.
func mustSleep(t *testing.T, r *running) {
	t.Helper()
	if out := r.deliver(`{"time_sleep": 10}`); out.Result != webhook.ResultRejected || string(out.Extra) != `{"detail":{"error": "KeyError: 'sleep_time'"}}` {
		t.Errorf("time_sleep: %v: %s %s", out.Result, out.Detail, out.Extra)
	}
	began := time.Now()
	if out := r.deliver(`{"sleep_time": 0.2}`); out.Result != webhook.ResultDelivered || string(out.Extra) != `{"detail":{}}` {
		t.Errorf("sleep_time: %v: %s %s", out.Result, out.Detail, out.Extra)
	}
	if slept := time.Since(began); slept < 200*time.Millisecond {
		t.Errorf("it slept for %v", slept)
	}
	if err := r.Validate(job("example", `{"time_sleep": 10}`).Endpoint); err != nil || !r.ChecksConfig() {
		t.Errorf("a number among the options is refused: %v", err)
	}
}

func TestTheDocumentedServiceRunsAsItIsPrinted(t *testing.T) {
	t.Run("unpacked into the plug-in's directory", func(t *testing.T) {
		mustSleep(t, runPython(t, packages(t, "example"), Options{Name: "example"}, "example"))
	})
	t.Run("on PYTHONPATH, by its class", func(t *testing.T) {
		path := "PYTHONPATH=" + packages(t, "example")
		mustSleep(t, runPython(t, t.TempDir(), Options{Name: "example", Env: []string{path}}, "example_service.plugin:Service"))
	})
	t.Run("installed by its setup.py", func(t *testing.T) {
		source := packages(t, "example")
		if err := exec.Command(python(t), "-c", "import setuptools").Run(); err != nil {
			t.Skip("this Python has no setuptools")
		}
		target := installPackage(t, source)
		// The sample has no __init__.py, so that its setup.py installs its entry point and not its code.
		if err := os.Remove(filepath.Join(source, "setup.py")); err != nil {
			t.Fatal(err)
		}
		path := "PYTHONPATH=" + target + string(os.PathListSeparator) + source
		mustSleep(t, runPython(t, t.TempDir(), Options{Name: "example", Env: []string{path}}, "example"))
	})
}

func TestTheDocumentedServiceIsFoundWherePipInstalledItFrom(t *testing.T) {
	// The sample has no __init__.py: pip installs its entry point and not its code.
	source, target := packages(t, "example"), pipInstalled(t)
	env := []string{"PYTHONPATH=" + target}
	for _, url := range []string{"https://packages.example/example.zip", "file:///nowhere"} {
		writeDirectURL(t, target, url)
		r := runPython(t, t.TempDir(), Options{Name: "example", Env: env}, "example")
		r.log.wait(t, "No module named 'example_service'. If its package has no __init__.py, its code was not installed", 1)
	}
	writeDirectURL(t, target, "file://"+source)
	mustSleep(t, runPython(t, t.TempDir(), Options{Name: "example", Env: env}, "example"))
}

// pipInstalled returns a directory with what pip leaves there of the sample.
func pipInstalled(t *testing.T) string {
	t.Helper()
	target := t.TempDir()
	info := filepath.Join(target, "wazo_webhookd_service_example-1.0.dist-info")
	if err := os.Mkdir(info, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"METADATA":         "Metadata-Version: 2.1\nName: wazo-webhookd-service-example\nVersion: 1.0\n",
		"entry_points.txt": "[wazo_webhookd.services]\nexample = example_service.plugin:Service\n",
	} {
		if err := os.WriteFile(filepath.Join(info, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return target
}

// writeDirectURL writes down where pip installed the sample from.
func writeDirectURL(t *testing.T, target, url string) {
	t.Helper()
	path := filepath.Join(target, "wazo_webhookd_service_example-1.0.dist-info", "direct_url.json")
	if err := os.WriteFile(path, []byte(`{"dir_info": {}, "url": "`+url+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
}

// installPackage runs python setup.py install, and returns where it put things.
func installPackage(t *testing.T, source string) string {
	t.Helper()
	target := t.TempDir()
	install := exec.Command(python(t), "setup.py", "-q", "install", "--install-lib", target, "--prefix", t.TempDir())
	install.Dir = source
	install.Env = append(os.Environ(), "PYTHONPATH="+target, "PYTHONWARNINGS=ignore")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("setup.py install: %v\n%s", err, out)
	}
	return target
}

// runToday runs the service of today's interface.
func runToday(t *testing.T, o Options) *running {
	t.Helper()
	dir := packages(t, "today")
	setBehaviour(t, dir, delivertest.Accepts)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"colour": "green"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Name, o.Env = "today", []string{"CONTROL=" + dir, "PYTHONPATH=" + dir}
	r := runPython(t, dir, o, "--name", "today", "--config", "config.json", "today:Service")
	r.dir = dir
	return r
}

func TestAServiceInPythonIsAService(t *testing.T) {
	delivertest.Run(t, func(t *testing.T) delivertest.Target {
		r := runToday(t, Options{Grace: 50 * time.Millisecond, Stop: 100 * time.Millisecond, Processes: 2}).up()
		return delivertest.Target{
			Service:  r,
			Endpoint: *job("today", "").Endpoint,
			Reason:   "not in the mood",
			Rows:     true,
			Behave: func(b delivertest.Behaviour) bool {
				setBehaviour(t, r.dir, b)
				return b != delivertest.Babbles
			},
			Received: func() int { return received(t, r.dir) },
		}
	})
}

func TestAServiceOfTodaysInterface(t *testing.T) {
	r := runToday(t, Options{})
	if r.ChecksConfig() {
		t.Error("its options are texts")
	}
	exchange := map[string]any{
		"request_method": "GET", "request_url": "http://receiver.example/", "request_body": map[string]any{"a": 1.0},
		"request_headers": map[string]any{"X-Request": "1"}, "response_status_code": 410.0,
		"response_headers": map[string]any{"X-Response": "2"}, "response_body": "sorry", "error": "410 Server Error",
	}
	for _, c := range []struct {
		todo   delivertest.Behaviour
		result webhook.Result
		detail map[string]any
	}{
		{"fails", webhook.ResultRetry, map[string]any{"error": "not in the mood", "mood": "bad"}},
		{"rejects", webhook.ResultRejected, map[string]any{"error": "not in the mood, ever"}},
		{"raises", webhook.ResultRejected, map[string]any{"error": "that is no value"}},
		{"returns a list", webhook.ResultDelivered, map[string]any{"value": "[1, inf]"}},
		{"requests 410", webhook.ResultRejected, exchange},
		{"requests 503", webhook.ResultRetry, with(exchange, "response_status_code", 503.0, "error", "503 Server Error")},
		{"requests refused", webhook.ResultRetry, with(exchange, "response_status_code", nil, "error", "refused", "response_headers", map[string]any{}, "response_body", "")},
		{"requests nonsense", webhook.ResultRejected, map[string]any{"error": "no scheme"}},
		{"requests", webhook.ResultDelivered, with(exchange, "response_status_code", 200.0, "error", nil)},
	} {
		setBehaviour(t, r.dir, c.todo)
		out := r.deliver("")
		if c.todo == "requests" {
			delete(c.detail, "error")
		}
		if diff := cmp.Diff(map[string]any{"detail": c.detail}, decoded(t, out.Extra)); diff != "" || out.Result != c.result {
			t.Errorf("%s: %v: %s\n%s", c.todo, out.Result, out.Detail, diff)
		}
	}
	setBehaviour(t, r.dir, delivertest.Accepts)
	j := job("today", "")
	j.Number, j.Endpoint.Retry.MaxAttempts = 3, 10
	detail := decoded(t, r.Deliver(t.Context(), j).Extra)["detail"].(map[string]any)
	delete(detail, "event")
	if diff := cmp.Diff(map[string]any{"retries": 2.0, "max": 9.0, "config": "green"}, detail); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"delivery 2 of who joined", "what a service prints is no answer", "subscribe_to_event_names does nothing here"} {
		r.log.wait(t, text, 1)
	}
}

// with returns a copy of an object with other members.
func with(object map[string]any, pairs ...any) map[string]any {
	copied := map[string]any{}
	for k, v := range object {
		copied[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		copied[pairs[i].(string)] = pairs[i+1]
	}
	return copied
}

func TestAServiceOfTheInterfaceOf2017MayUseTasks(t *testing.T) {
	dir := packages(t, "older")
	r := runPython(t, dir, Options{Name: "bound"}, "--name", "bound", "older:Bound")
	out := r.deliver(`{"number": 21}`)
	if string(out.Extra) != `{"detail":{"retries": 0, "double": 42, "name": "user_created"}}` {
		t.Errorf("got %v: %s %s", out.Result, out.Detail, out.Extra)
	}
	out = r.deliver(`{"again": 3}`)
	if out.Result != webhook.ResultRetry || out.RetryAfter != 3*time.Second || out.Detail != "not yet" {
		t.Errorf("again: %v after %v: %s", out.Result, out.RetryAfter, out.Detail)
	}
	p := runPython(t, dir, Options{Name: "plain"}, "--name", "plain", "older:Plain")
	if err := p.Validate(job("plain", `{}`).Endpoint); err == nil {
		t.Error("the schema of the class does not hold")
	}
	if out := p.deliver(`{"number": 5}`); string(out.Extra) != `{"detail":{"value": 5}}` {
		t.Errorf("got %s", out.Extra)
	}
}

func TestAServiceThatIsNotThereIsNamed(t *testing.T) {
	r := runPython(t, packages(t, "example"), Options{Name: "other"}, "other")
	r.log.wait(t, "there is no service 'other' among the entry points in wazo_webhookd.services: example", 1)
	if out := r.deliver(""); out.Result != webhook.ResultRetry || !strings.Contains(out.Detail, "plug-in") || !json.Valid(out.Extra) {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
}

func TestADeepEventIsSurvivedByPython(t *testing.T) {
	r := runToday(t, Options{})
	j := job("today", "")
	j.Event.Payload = []byte(strings.Repeat("[", 9000) + strings.Repeat("]", 9000))
	if out := r.Deliver(t.Context(), j); out.Result != webhook.ResultRejected || !strings.Contains(out.Detail, "cannot be read") {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	if out := r.deliver(""); out.Result != webhook.ResultDelivered {
		t.Errorf("afterwards: %v: %s", out.Result, out.Detail)
	}
}
