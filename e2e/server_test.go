// Package e2e holds tests that drive the real binary over real sockets. They
// build it, start it, kill it and look at what a user would see.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/testkit"
)

// binary builds the program once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "switchhook-e2e-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "switchhook")
	out, err := exec.Command("go", "build", "-o", file, "..").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// server is a process of the real binary on a data directory of its own.
type server struct {
	t    *testing.T
	file string // the binary
	dir  string
	args []string
	url  string
	key  string // of the root account

	cmd *exec.Cmd
	log *testkit.Buffer
}

// startServer makes a fresh installation and starts it. Receivers on loopback
// are allowed. args are added to "serve".
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	return startServerIn(t, filepath.Join(t.TempDir(), "data"), args...)
}

// startServerIn is startServer in a data directory that may be there already.
func startServerIn(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return startBinaryIn(t, file, dir, args...)
}

// startBinaryIn is startServerIn with another binary.
func startBinaryIn(t *testing.T, file, dir string, args ...string) *server {
	t.Helper()
	s := &server{t: t, file: file, dir: dir}
	s.local() // what init said before
	s.args = append([]string{
		"serve", "--data-dir", s.dir, "--listen", "127.0.0.1:0",
		"--set", "egress.allow=127.0.0.0/8", "--set", "log.level=warn",
	}, args...)
	s.start()
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			s.stop(os.Interrupt)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log)
		}
	})
	return s
}

// start starts the process and waits until it is ready.
func (s *server) start() {
	s.t.Helper()
	s.log = new(testkit.Buffer)
	s.cmd = exec.Command(s.file, s.args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	was := s.url
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.wait("the server is ready", 30*time.Second, func() bool {
		if !s.local() || s.url == was {
			return false
		}
		resp, err := http.Get(s.url + "/health/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// local reads where the server listens and its root key.
func (s *server) local() bool {
	b, err := os.ReadFile(filepath.Join(s.dir, "local.json"))
	if err != nil {
		return false
	}
	var l struct {
		URL    string `json:"url"`
		APIKey string `json:"api_key"`
	}
	if json.Unmarshal(b, &l) != nil || l.URL == "" {
		return false
	}
	s.url = l.URL
	if l.APIKey != "" {
		s.key = l.APIKey
	}
	return true
}

// stop sends the signal and waits for the end.
func (s *server) stop(sig os.Signal) {
	s.t.Helper()
	_ = s.cmd.Process.Signal(sig)
	done := make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(40 * time.Second):
		_ = s.cmd.Process.Kill()
		<-done
		s.t.Errorf("the server did not end after %v", sig)
	}
}

// wait polls until ok, or fails the test.
func (s *server) wait(what string, limit time.Duration, ok func() bool) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-tick.C {
		if ok() {
			return
		}
	}
	s.t.Fatalf("not within %v: %s\n%s", limit, what, s.log)
}

// exchange makes one request to the native API with the root key. The error is that of
// the connection: the server may be dead.
func (s *server) exchange(method, path string, body []byte) (status int, header http.Header, answer []byte, err error) {
	req, err := http.NewRequest(method, s.url+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, answer, err
}

// request is exchange with a body that is encoded, or nil.
func (s *server) request(method, path string, body any) (status int, answer []byte, err error) {
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	status, _, answer, err = s.exchange(method, path, text)
	return status, answer, err
}

// ask posts a text and returns the status and the headers of the answer.
func (s *server) ask(method, path, body string) (int, http.Header) {
	s.t.Helper()
	status, header, _, err := s.exchange(method, path, []byte(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return status, header
}

// must makes a request that has to end with the status, and decodes the answer
// into out, which may be nil.
func (s *server) must(status int, method, path string, body, out any) {
	s.t.Helper()
	got, answer, err := s.request(method, path, body)
	if err != nil || got != status {
		s.t.Fatalf("%s %s: %d, want %d: %v %s", method, path, got, status, err, answer)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(answer, out); err != nil {
		s.t.Fatal(err)
	}
}

// subscriber makes the application "app", if there is none, and an endpoint.
func (s *server) subscriber(url string, more map[string]any) {
	s.t.Helper()
	if status, answer, err := s.request("POST", "/app?get_if_exists=true", map[string]any{"name": "app", "uid": "app"}); err != nil || status/100 != 2 {
		s.t.Fatalf("%d: %v %s", status, err, answer)
	}
	e := map[string]any{"url": url, "retrySchedule": []string{"1s", "1s", "1s", "2s", "2s", "5s"}}
	for k, v := range more {
		e[k] = v
	}
	s.must(http.StatusCreated, "POST", "/app/app/endpoint", e, nil)
}

// send posts one message and returns the status, or 0 when there was none, and
// the id of the message when it was accepted.
func (s *server) send(n int) (status int, id string) {
	message, err := json.Marshal(map[string]any{"eventType": "order.paid", "payload": map[string]int{"n": n}})
	if err != nil {
		return 0, ""
	}
	status, _, id = s.post(message)
	return status, id
}

// post is send with a message of the caller's, and returns the answer's headers, too.
func (s *server) post(message []byte) (status int, header http.Header, id string) {
	status, header, answer, err := s.exchange("POST", "/app/app/msg", message)
	if err != nil {
		return 0, nil, ""
	}
	var m struct {
		ID string `json:"id"`
	}
	if status == http.StatusAccepted && json.Unmarshal(answer, &m) != nil {
		return 0, nil, ""
	}
	return status, header, m.ID
}
