package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// installPlugins makes plug-ins of shell scripts, by name.
func installPlugins(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		at := filepath.Join(dir, name)
		if err := os.Mkdir(at, 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"plugin.yaml": "command: sh\nargs: [run.sh]\n", "run.sh": script} {
			if err := os.WriteFile(filepath.Join(at, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

const (
	helloGood = `echo '{"type":"hello","protocol":1,"name":"good","version":"2.1","config_schema":{"type":"object","required":["to"]}}'; `
	answering = `read -r line || exit 0; echo thinking >&2; id=${line#*\"id\":\"}; echo stray; echo "{\"id\":\"${id%%\"*}\",\"result\":\"retry\",\"error\":\"full\",\"detail\":{\"room\":0},\"retry_after\":3}"; cat >/dev/null`
)

func TestPlugInsAreListedCheckedAndTried(t *testing.T) {
	dir := installPlugins(t, map[string]string{"good": helloGood + answering, "old": `echo '{"type":"hello","protocol":0,"name":"old"}'; cat >/dev/null`, "http": "true"})
	set := "plugins_dir=" + dir

	var rows []pluginRow
	if err := json.Unmarshal([]byte(must(t, "plugin", "list", "--json", "--set", set)), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[0].Name != "good" || !rows[0].Enabled || rows[1].Problem == "" || rows[2].Command[1] != "run.sh" {
		t.Errorf("listed %+v", rows)
	}
	if out := must(t, "plugin", "list", "--set", set); !strings.Contains(out, `name: "http" is taken by a service that is built in`) {
		t.Errorf("listed\n%s", out)
	}

	code, out, errs := invoke(t, "", "plugin", "check", "--set", set)
	for _, text := range []string{"good: good. Version 2.1, 1 at a time, takes a JSON Schema", "old: wrong\n  it speaks version 0 of the protocol", "http: wrong\n"} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in\n%s", text, out)
		}
	}
	if code != exitFailed || !strings.Contains(errs, "2 of 3 plug-ins are wrong") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	var reports []pluginReport
	if err := json.Unmarshal([]byte(must(t, "plugin", "check", "--json", "--set", set, "good")), &reports); err != nil {
		t.Fatal(err)
	}
	if len(reports) != 1 || !reports[0].OK || reports[0].Protocol != 1 || reports[0].Version != "2.1" || len(reports[0].Problems) != 0 {
		t.Errorf("checked %+v", reports)
	}

	code, out, errs = invoke(t, `{"id": 5}`, "plugin", "run", "good", "--json", "--set", set, "--options", `{"to": "x"}`, "--event", "-", "--timeout", "60s")
	var result pluginResult
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if code != exitFailed || result.Result != "retry" || result.Error != "full" || result.RetryAfter != "3s" || len(result.Problems) != 1 || !strings.Contains(result.Problems[0], "stray") {
		t.Errorf("exit code %d: %+v", code, result)
	}
	for _, text := range []string{"thinking\n", "it was not delivered: full"} {
		if !strings.Contains(errs, text) {
			t.Errorf("%q is not in\n%s", text, errs)
		}
	}
}

func TestTryingAPlugInNamesWhatIsWrongWithTheCommand(t *testing.T) {
	set := "plugins_dir=" + installPlugins(t, map[string]string{"good": helloGood + answering})
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitUsage, "plugins_dir is not set", []string{"list"}},
		{exitFailed, `there is no plug-in "none"`, []string{"run", "none", "--set", set}},
		{exitFailed, `there is no plug-in "none"`, []string{"check", "none", "--set", set}},
		{exitFailed, "--options: invalid: config", []string{"run", "good", "--set", set}},
		{exitFailed, "must be an object", []string{"run", "good", "--set", set, "--options", "[]"}},
		{exitUsage, "--timeout", []string{"run", "good", "--set", set, "--timeout", "soon"}},
		{exitUsage, "--event", []string{"run", "good", "--set", set, "--event", "/none"}},
		{exitUsage, "--attempt", []string{"run", "good", "--set", set, "--attempt", "0"}},
	} {
		if code, _, errs := invoke(t, "", append([]string{"plugin"}, c.args...)...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d: %s", c.args, code, errs)
		}
	}
}

func TestAnEndpointNamesAServiceAndItsOptions(t *testing.T) {
	v := endpointFields{}
	service, options := "sms", `{"to": [1]}`
	v.Service, v.Options = &service, &options
	f, err := v.fields()
	if err != nil || f["service"] != service || string(f["config"].(json.RawMessage)) != options {
		t.Errorf("got %v, %v", f, err)
	}
	options = "{"
	if _, err := v.fields(); err == nil || !strings.Contains(err.Error(), "--options") {
		t.Errorf("got %v", err)
	}
}
