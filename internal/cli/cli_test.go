package cli

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/server"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
)

// buffer is written by a verb and read by a test at the same time.
type buffer struct{ testkit.Buffer }

// eventually waits until the buffer holds text.
func (b *buffer) eventually(t *testing.T, text string) {
	t.Helper()
	rig.Until(t, text, b.String, func(got string) bool { return strings.Contains(got, text) })
}

// invoke runs a command line to its end.
func invoke(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e buffer
	code = run(&session{ctx: t.Context(), in: strings.NewReader(stdin), out: &o, err: &e}, args)
	return code, o.String(), e.String()
}

// must runs a command line that works and returns its output.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := invoke(t, "", args...)
	if code != exitOK {
		t.Fatalf("%v: exit code %d: %s", args, code, errs)
	}
	return out
}

// mustJSON runs a command line with --json and decodes its output into v.
func mustJSON(t *testing.T, v any, args ...string) {
	t.Helper()
	out := must(t, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("%v: %v in %s", args, err, out)
	}
}

// serving runs a server for the test and lets verbs find it, as on its own machine.
func serving(t *testing.T, set ...string) *server.Server {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	c, _, err := config.Load(config.Input{
		Set: append([]string{"data_dir=" + dir, "listen=127.0.0.1:0", "egress.allow=loopback"}, set...),
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(t.Context(), c, server.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("server: %v", err)
		}
	})
	t.Setenv("SWITCHHOOK_DATA_DIR", dir)
	return s
}

func TestExitCodesTellUseFromFailure(t *testing.T) {
	t.Setenv("SWITCHHOOK_DATA_DIR", t.TempDir())
	for _, c := range []struct {
		args []string
		code int
		errs string
	}{
		{[]string{"--help"}, exitOK, ""},
		{[]string{"version"}, exitOK, ""},
		{[]string{"dance"}, exitUsage, "unexpected argument"},
		{[]string{"app", "create"}, exitUsage, "expected"},
		{[]string{"app", "list"}, exitUsage, "no server given"},
		{[]string{"app", "list", "--url", "ftp://x"}, exitUsage, "not an http or https URL"},
		{[]string{"app", "list", "--url", "http://127.0.0.1:1"}, exitFailed, "refused"},
		{[]string{"config", "check", "--set", "listen=8080"}, exitUsage, "listen: \"8080\" is not host:port"},
		{[]string{"config", "check", "--set", "listen=8080", "--set", "limits.body=2"}, exitUsage, "limits.body: \"2\" is not a size like 64KiB or 2MB (from --set)\nlisten: "},
		{[]string{"config", "check", "--config", "/does/not/exist"}, exitUsage, "no such file"},
		{[]string{"backup", "x.db"}, exitFailed, "there is no database"},
		{[]string{"attempt", "list", "a"}, exitUsage, "--endpoint"},
		{[]string{"send", "app", "type", "{"}, exitUsage, "not JSON"},
		{[]string{"verify", "--secret", "x", "--id", "a", "--timestamp", "1", "--signature", "v1,x"}, exitFailed, ""},
	} {
		code, _, errs := invoke(t, "", c.args...)
		if code != c.code || !strings.Contains(errs, c.errs) {
			t.Errorf("%v: exit code %d, want %d; %s", c.args, code, c.code, errs)
		}
	}
}

func TestEveryVerbHasHelp(t *testing.T) {
	for _, verb := range []string{
		"serve", "init", "demo", "backup", "config print", "config check", "send", "listen", "tail", "verify", "version",
		"app list", "app create", "endpoint create", "endpoint recover", "event-type create", "message resend",
		"attempt list", "key create",
	} {
		code, out, errs := invoke(t, "", append(strings.Fields(verb), "--help")...)
		if code != exitOK || !strings.Contains(out, "Usage: switchhook "+verb) || errs != "" {
			t.Errorf("%s --help: exit code %d\n%s%s", verb, code, out, errs)
		}
	}
}

func TestInitPrintsOneObjectAndRefusesTheSecondTime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var made map[string]any
	mustJSON(t, &made, "init", "--data-dir", dir)
	if key, _ := made["root_api_key"].(string); !strings.HasPrefix(key, "shk_") || made["data_dir"] != dir || made["url"] == nil {
		t.Errorf("made %v", made)
	}
	code, out, errs := invoke(t, "", "init", "--data-dir", dir, "--json")
	if code != exitFailed || out != "" || !strings.Contains(errs, "initialised already") {
		t.Errorf("again: exit code %d, %q, %q", code, out, errs)
	}
	var another map[string]any
	mustJSON(t, &another, "init", "--data-dir", dir, "--new-root-key")
	if another["root_api_key"] == made["root_api_key"] {
		t.Error("the new key is the old one")
	}
}

func TestConfigPrintSaysWhereValuesComeFrom(t *testing.T) {
	t.Setenv("SWITCHHOOK_LOG_LEVEL", "debug")
	out := must(t, "config", "print", "--sources", "--set", "egress.allow=loopback,10.0.0.0/8")
	for _, want := range []string{"level: debug # SWITCHHOOK_LOG_LEVEL", "allow: [loopback, 10.0.0.0/8] # --set", "listen: 127.0.0.1:8080 # default"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestVerbsThatOpenTheDatabaseAreToldWhichOneAsTheServerIs(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"serve"}, {"init"}, {"migrate", "--dry-run"}, {"wazo", "tenant", "list"}, {"import", "pywebhooks", "-"}} {
		code, _, errs := invoke(t, "", append(args, "--database-url", "postgres://nobody@127.0.0.1:1/none")...)
		if code != exitFailed || !strings.Contains(errs, "127.0.0.1:1") {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
}

func TestVerifyAcceptsWhatTheSpecificationSigned(t *testing.T) {
	args := []string{
		"verify", "--tolerance", "0", "--secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "--id", "msg_p5jXN8AQM9LWM0D4loKWxJek",
		"--timestamp", "1614265330", "--signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	}
	if code, out, errs := invoke(t, `{"test": 2432232314}`, args...); code != exitOK || out != "Valid.\n" {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	if code, _, _ := invoke(t, `{"test": 2432232315}`, args...); code != exitFailed {
		t.Errorf("a changed body: exit code %d", code)
	}
	args[2] = "5m"
	if code, _, errs := invoke(t, `{"test": 2432232314}`, args...); code != exitFailed || !strings.Contains(errs, "too old") {
		t.Errorf("an old one: exit code %d, %s", code, errs)
	}
}

func TestAForeignServerNeverGetsTheLocalKey(t *testing.T) {
	s := serving(t)
	code, _, errs := invoke(t, "", "app", "list", "--url", strings.Replace(s.URL(), "127.0.0.1", "localhost", 1))
	if code != exitFailed || !strings.Contains(errs, "--api-key") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if must(t, "app", "list", "--url", s.URL()) == "" {
		t.Error("the local server, named, is not served with the local key")
	}
}

func TestBackupOfARunningServerServes(t *testing.T) {
	s := serving(t)
	must(t, "app", "create", "Shop", "--uid", "shop")
	dir := t.TempDir()
	file := filepath.Join(dir, "switchhook.db")
	must(t, "backup", file)
	if code, _, errs := invoke(t, "", "backup", file); code != exitFailed || !strings.Contains(errs, "exist") {
		t.Errorf("over an existing file: exit code %d, %s", code, errs)
	}
	c, _, err := config.Load(config.Input{Set: []string{
		"data_dir=" + dir, "listen=127.0.0.1:0", "secret_key_file=" + filepath.Join(os.Getenv("SWITCHHOOK_DATA_DIR"), "secret.key"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	restored, err := server.New(t.Context(), c, server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if restored.RootKey() != "" || restored.URL() == s.URL() {
		t.Error("the copy is no copy")
	}
}

func TestTheConfigurationSaysWhereTheLocalServerIs(t *testing.T) {
	serving(t)
	dir := os.Getenv("SWITCHHOOK_DATA_DIR")
	t.Setenv("SWITCHHOOK_DATA_DIR", "")
	os.Unsetenv("SWITCHHOOK_DATA_DIR")
	file := filepath.Join(t.TempDir(), "switchhook.yaml")
	if err := os.WriteFile(file, []byte("data_dir: "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SWITCHHOOK_CONFIG", file)
	must(t, "app", "list")
}

func TestServeShowsTheCredentialsOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	args := []string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0"}
	out, errs, stop := background(t, args...)
	errs.eventually(t, "listening")
	if !strings.Contains(out.String(), "shk_") {
		t.Errorf("no key was shown:\n%s", out)
	}
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d: %s", code, errs)
	}
	out, errs, _ = background(t, args...)
	errs.eventually(t, "listening")
	if out.String() != "" {
		t.Errorf("the second start shows\n%s", out)
	}
}
