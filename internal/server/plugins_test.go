package server

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/testkit"
)

// install makes plug-ins of shell scripts, by name, and returns their directory. A name
// that begins with "!" stands for a plugin.yaml as it is.
func install(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		text := "command: sh\nargs: [run.sh]\nlimits:\n  grace: 100ms\n  stop: 100ms\n"
		if raw, ok := strings.CutPrefix(name, "!"); ok {
			name, text = raw, script
		}
		at := filepath.Join(dir, name)
		if err := os.Mkdir(at, 0o700); err != nil {
			t.Fatal(err)
		}
		hello := `echo '{"type":"hello","protocol":1,"name":"` + name + `"}'` + "\n"
		for file, content := range map[string]string{"plugin.yaml": text, "run.sh": hello + script} {
			if err := os.WriteFile(filepath.Join(at, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// answering is the script of a plug-in that keeps deliveries and takes them.
const answering = `while read -r line; do
	echo "$line" >> received
	id=${line#*\"id\":\"}
	echo "{\"id\":\"${id%%\"*}\",\"result\":\"delivered\",\"detail\":{\"by\":\"shell\"}}"
done
`

// startLogged starts a server and returns what it logs, too.
func startLogged(t *testing.T, set ...string) (*running, *testkit.Buffer) {
	t.Helper()
	log := &testkit.Buffer{}
	return startWith(t, settings(t, t.TempDir(), set...), slog.New(slog.NewTextHandler(io.MultiWriter(log, t.Output()), nil))), log
}

func TestAnEndpointIsDeliveredToByAPlugIn(t *testing.T) {
	dir := install(t, map[string]string{"shell": answering})
	s := start(t, settings(t, t.TempDir(), "plugins_dir="+dir))
	c := s.api(t)
	endpoint(t, c, map[string]any{"service": "shell", "config": map[string]any{"level": 3}})
	m := send(t, c, "user.created", `{"id": 12}`)
	if a := attempts(t, c, m.ID, 1); a[0].Outcome != "delivered" {
		t.Errorf("attempts %+v", a)
	}
	got, err := os.ReadFile(filepath.Join(dir, "shell", "received"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"options":{"level":3}`, `"name":"user.created"`, `"data":{"id": 12}`, `"attempt":1`} {
		if !strings.Contains(string(got), part) {
			t.Errorf("%s is not in %s", part, got)
		}
	}
	if _, err := c.Endpoints("shop").Create(t.Context(), map[string]any{"service": "none"}); err == nil || !strings.Contains(err.Error(), `there is no service "none"`) {
		t.Errorf("a service that is not installed: %v", err)
	}
}

func TestBadPlugInsHarmNobodyElse(t *testing.T) {
	dir := install(t, map[string]string{
		"crashes": "read -r line; exit 1",
		"hangs":   "trap '' TERM; sleep 1000",
		"floods":  "read -r line; exec cat /dev/zero",
		"babbles": "read -r line; exec yes nonsense",
		"noisy":   "yes noise >&2 & " + answering,
		"lies":    `while read -r line; do echo '{"id":"999","result":"delivered"}'; done`,
		"silent":  "exec 1>&-; sleep 1000",
		"good":    answering,
		"!http":   "command: sh",
		"!broken": "comand: sh",
		"!absent": "command: ./none",
		"!off":    "command: sh\nenabled: false",
	})
	s, log := startLogged(t, "plugins_dir="+dir, "delivery.timeout=1s", "limits.drain=1s")
	c, r := s.api(t), receiver(t)
	endpoint(t, c, map[string]any{"url": r.URL()})
	for _, name := range []string{"crashes", "hangs", "floods", "babbles", "noisy", "lies", "silent", "good", "absent"} {
		endpoint(t, c, map[string]any{"service": name})
	}
	const events = 50
	var last client.Message
	for range events {
		last = send(t, c, "a.b", `{"n":1}`)
	}
	if _, err := r.Wait(events, time.Minute); err != nil {
		t.Errorf("over http: %v", err)
	}
	for _, name := range []string{"good", "noisy"} {
		waitFor(t, func() bool {
			got, _ := os.ReadFile(filepath.Join(dir, name, "received"))
			return bytes.Count(got, []byte("\n")) >= events
		})
	}
	attempts(t, c, last.ID, 3) // over http, and by two plug-ins
	for _, text := range []string{
		`name: \"http\" is taken by a service that is built in`,
		"comand: there is no such setting",
		"it does not start: ",
		"it ended: exit status 1",
		"of more than 1048576 bytes",
		"101 lines in a row that make no sense",
		"it hangs: the deadlines of all 1 deliveries in hand passed",
	} {
		waitFor(t, func() bool { return strings.Contains(log.String(), text) })
	}
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestAServerStartsWithoutItsPlugInsDirectory(t *testing.T) {
	_, log := startLogged(t, "plugins_dir="+filepath.Join(t.TempDir(), "none"))
	if !strings.Contains(log.String(), "there are no plug-ins") {
		t.Error("nothing is said of it")
	}
}
