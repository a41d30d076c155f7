package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
)

// settings returns a configuration for a test, with further settings.
func settings(t *testing.T, dir string, set ...string) *config.Config {
	t.Helper()
	c, sources, err := config.Load(config.Input{
		Set: append([]string{"data_dir=" + dir, "listen=127.0.0.1:0", "egress.allow=loopback", "limits.drain=5s"}, set...),
	})
	if err == nil {
		err = c.Check(sources)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// running is a server that a test runs.
type running struct {
	*Server
	stop func() error // asks it to end, and waits
}

func start(t *testing.T, c *config.Config) *running {
	t.Helper()
	return startWith(t, c, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

func startWith(t *testing.T, c *config.Config, log *slog.Logger) *running {
	t.Helper()
	s, err := New(t.Context(), c, Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var result error
	stopped := false
	r := &running{s, func() error {
		cancel()
		if !stopped {
			stopped = true
			result = <-ended
		}
		return result
	}}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

// get returns status and body.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	got := rig.Send(t, rig.Request(t, "GET", url, nil))
	return got.Status, got.Body
}

func TestFirstStartMakesTheRootAndLeavesWordForTheCommandLine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	first := start(t, settings(t, dir))
	key := first.RootKey()
	if key == "" {
		t.Fatal("no key on first start")
	}
	l, err := ReadLocal(dir)
	if want := (Local{URL: first.URL(), APIKey: key, PID: os.Getpid()}); err != nil || l != want {
		t.Errorf("left %+v, %v; want %+v", l, err, want)
	}
	for _, name := range []string{localFile, keyFile, dataFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; only its owner may read it", name, info.Mode(), err)
		}
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := start(t, settings(t, dir))
	if second.RootKey() != "" {
		t.Error("the second start made another key")
	}
	if l, err := ReadLocal(dir); err != nil || l.APIKey != key || l.URL != second.URL() {
		t.Errorf("after the second start: %+v, %v", l, err)
	}
}

func TestWhatIsServedWhere(t *testing.T) {
	s := start(t, settings(t, t.TempDir()))
	for path, want := range map[string]string{
		"/":                 "Switchhook ",
		"/health/live":      "ok\n",
		"/health/ready":     "ok\n",
		"/metrics":          "switchhook_events_accepted_total 0\n",
		"/openapi.yaml":     "openapi: 3",
		"/api/v1/health":    `{"database"`,
		"//api/v1//health/": `{"database"`,
		"/api//v1/health":   `{"database"`,
	} {
		if status, body := get(t, s.URL()+path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("GET %s: %d %.200q, want %q", path, status, body, want)
		}
	}
	for path, want := range map[string]int{"/nothing": 404, "/api/v1/nothing": 404, "/api/v1/app": 401, "/api/v10/app": 404} {
		if status, _ := get(t, s.URL()+path); status != want {
			t.Errorf("GET %s: %d, want %d", path, status, want)
		}
	}
}

func TestTheGreetingNamesWhatIsServed(t *testing.T) {
	s := start(t, settings(t, t.TempDir(), "dialects.kazoo.enabled=false", "metrics.listen=127.0.0.1:0"))
	_, body := get(t, s.URL()+"/")
	for _, prefix := range []string{" /api/v1\n", " /v1\n", " /1.0\n", " /openapi.yaml\n", " /health/live "} {
		if !strings.Contains(body, prefix) {
			t.Errorf("GET / does not name %q:\n%s", prefix, body)
		}
	}
	for _, absent := range []string{"/v2", "/metrics", "operator"} {
		if strings.Contains(body, absent) {
			t.Errorf("GET / names %s, which is not there:\n%s", absent, body)
		}
	}
}

func TestMetricsMayHaveAListenerOfTheirOwn(t *testing.T) {
	s := start(t, settings(t, t.TempDir(), "metrics.listen=127.0.0.1:0"))
	if status, _ := get(t, s.URL()+"/metrics"); status != 404 {
		t.Errorf("metrics on the main listener: %d", status)
	}
	own := s.fronts[1].url()
	for _, path := range []string{"/metrics", "/health/ready"} {
		if status, _ := get(t, own+path); status != 200 {
			t.Errorf("GET %s: %d", path, status)
		}
	}
	if status, _ := get(t, own+"/api/v1/app"); status != 404 {
		t.Errorf("the API is on the listener for metrics: %d", status)
	}
}

func TestAFailedStartGivesEverythingBack(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	_, err = New(t.Context(), settings(t, dir, "listen="+taken.Addr().String()), Options{})
	if err == nil || !strings.Contains(err.Error(), "listen") {
		t.Fatalf("New on a taken address: %v", err)
	}
	start(t, settings(t, dir)) // the database is free again
}

func TestOneServerADataDirectory(t *testing.T) {
	dir := t.TempDir()
	start(t, settings(t, dir))
	if s, err := New(t.Context(), settings(t, dir), Options{}); err == nil {
		s.Close()
		t.Error("two servers use one database")
	}
}

func TestInitRefusesWhatIsInitialised(t *testing.T) {
	c := settings(t, t.TempDir(), "listen=0.0.0.0:8080")
	made, err := Init(t.Context(), c, Options{}, false)
	if err != nil || made.RootAPIKey == "" || made.URL != "http://127.0.0.1:8080" || made.DataDir != c.DataDir {
		t.Fatalf("Init: %+v, %v", made, err)
	}
	if _, err := Init(t.Context(), c, Options{}, false); !errors.Is(err, ErrInitialised) {
		t.Errorf("Init again: %v", err)
	}
	other, err := Init(t.Context(), c, Options{}, true)
	if err != nil || other.RootAPIKey == "" || other.RootAPIKey == made.RootAPIKey {
		t.Errorf("another key: %+v, %v", other, err)
	}
	s := start(t, settings(t, c.DataDir))
	for _, key := range []string{made.RootAPIKey, other.RootAPIKey} {
		rig.Send(t, rig.Request(t, "GET", s.URL()+"/api/v1/app", nil, "Authorization", "Bearer "+key)).Want(t, 200)
	}
}

func TestReadinessFollowsTheDatabaseAndTheEnd(t *testing.T) {
	down := errors.New("gone")
	var err error
	pings := 0
	h := &health{log: slog.New(slog.DiscardHandler), ping: func(context.Context) error { pings++; return err }}
	ready := func() int {
		w := &recorder{header: http.Header{}}
		h.ready(w, (&http.Request{}).WithContext(t.Context()))
		return w.status
	}
	for range 2 {
		if ready() != 200 {
			t.Error("not ready")
		}
	}
	if pings != 1 {
		t.Errorf("asked the database %d times in a second", pings)
	}
	err = down
	h.at = time.Time{}
	if ready() != 503 {
		t.Error("ready without a database")
	}
	err = nil
	h.at = time.Time{}
	if ready() != 200 {
		t.Error("not ready although the database is back")
	}
	h.draining.Store(true)
	if ready() != 503 {
		t.Error("ready while shutting down")
	}
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorder) WriteHeader(status int)      { r.status = status }

func TestACertificateIsReadAgainWhenItWasRenewed(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	renew := func(at time.Time) {
		a, err := testkit.NewAuthority()
		if err != nil {
			t.Fatal(err)
		}
		cert, key, err := a.ClientPEM("server")
		if err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{certFile: cert, keyFile: key} {
			if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.Chtimes(file, at, at)); err != nil {
				t.Fatal(err)
			}
		}
	}
	renew(time.Unix(1e9, 0))
	c, err := newCertificates(config.TLS{Cert: certFile, Key: keyFile}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	first, _ := c.get(nil)
	renew(time.Unix(2e9, 0))
	if again, _ := c.get(nil); again != first {
		t.Error("looked at the file within a minute")
	}
	c.looked = time.Time{}
	second, _ := c.get(nil)
	if second == first {
		t.Error("the renewed certificate is not used")
	}
	if err := os.WriteFile(certFile, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.looked = time.Time{}
	if third, _ := c.get(nil); third != second {
		t.Error("a broken file took the good certificate away")
	}
}

func TestTheMainListenerSpeaksTLS(t *testing.T) {
	a, err := testkit.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key, err := a.ClientPEM("server")
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(certFile, []byte(cert), 0o600), os.WriteFile(keyFile, []byte(key), 0o600)); err != nil {
		t.Fatal(err)
	}
	s := start(t, settings(t, dir, "tls.cert="+certFile, "tls.key="+keyFile))
	if !strings.HasPrefix(s.URL(), "https://") {
		t.Errorf("URL is %s", s.URL())
	}
	if _, err := http.Get(s.URL()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a client that trusts nobody: %v", err)
	}
}
