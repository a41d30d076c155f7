package e2e

import (
	"bufio"
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/testkit"
)

// echoes answers as an endpoint of PyWebhooks should.
func echoes(x *testkit.Exchange) bool {
	u, err := url.Parse(x.Request.Target)
	if err != nil {
		return testkit.Status(400)(x)
	}
	body, err := json.Marshal(map[string]string{"echo": u.Query().Get("echo")})
	if err != nil {
		return testkit.Status(500)(x)
	}
	return testkit.Respond(200, string(body))(x)
}

// printed finds what a command of PyWebhooks' documentation says.
var printed = struct{ user, key, made *regexp.Regexp }{
	regexp.MustCompile(`"username: ([a-z]+)"`), regexp.MustCompile(`"api-key: ([0-9a-f]{40})"`), regexp.MustCompile(`"username": "([a-z]+)"`),
}

// found returns what the form finds in a text, or "".
func found(form *regexp.Regexp, text string) string {
	if m := form.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// documented is a database of PyWebhooks in which a command works as it is printed: with
// the key that the command has, and without the account that it makes. Commands have the
// keys of different days.
func documented(t *testing.T, command, receiver string) string {
	t.Helper()
	var b strings.Builder
	for i, a := range []struct{ name, id string }{
		{"admin", "ed408f85-200e-481f-a672-30f454e8dcf4"},
		{"johndoe", "fb8854ba-b7f7-4552-bc13-4d5cdbb444dd"},
		{"samjones", "776236bc-5ca9-4083-bb20-b12043ec87de"},
		{"sarahfranks", "45712a61-a1b3-41a4-aa89-9593b909ae3d"},
	} {
		if a.name == found(printed.made, command) {
			continue
		}
		key := "none"
		if a.name == found(printed.user, command) {
			key = found(printed.key, command)
		}
		sum, err := pbkdf2.Key(sha1.New, key, []byte("vTuQRKeb"), 1000, sha1.Size)
		if err != nil {
			t.Fatal(err)
		}
		endpoint := "http://" + receiver + "/account/endpoint"
		if a.name == "admin" {
			endpoint = ""
		}
		fmt.Fprintf(&b, `{"id": %q, "username": %q, "endpoint": %q, "epoch": 144116426%d.5, "api_key": "pbkdf2:sha1:1000$vTuQRKeb$%x", "secret_key": "ab502753cbb68b90601cace345fe84fb2bb5b8dd", "is_admin": %v, "failed_count": 0}`+"\n",
			a.id, a.name, endpoint, i, sum, a.name == "admin")
	}
	for i, r := range []struct{ id, owner string }{
		{"0c296ca8-69ce-4274-b377-3010072363f9", "fb8854ba-b7f7-4552-bc13-4d5cdbb444dd"},
		{"4618dc47-aaf9-401e-9aa4-8fda5d59eb25", "fb8854ba-b7f7-4552-bc13-4d5cdbb444dd"},
		{"bfbafaa0-5816-456d-9639-98023ec5dc2e", "fb8854ba-b7f7-4552-bc13-4d5cdbb444dd"},
		{"ae8dc785-d4bf-4614-98a7-32dcf03314e8", "776236bc-5ca9-4083-bb20-b12043ec87de"},
	} {
		fmt.Fprintf(&b, `{"id": %q, "account_id": %q, "event": "webhook.event.hello", "description": "", "event_data": {"msg": "hello world"}, "epoch": 144113831%d.5}`+"\n", r.id, r.owner, i)
	}
	for i, registration := range []string{"ae8dc785-d4bf-4614-98a7-32dcf03314e8", "bfbafaa0-5816-456d-9639-98023ec5dc2e"} {
		fmt.Fprintf(&b, `{"id": "bfbafaa%d-5816-456d-9639-98023ec5dc2e", "account_id": "fb8854ba-b7f7-4552-bc13-4d5cdbb444dd", "registration_id": %q, "epoch": 144114496%d.5}`+"\n", i, registration, i)
	}
	return b.String()
}

// runBinary runs the binary and returns what it prints.
func runBinary(t *testing.T, in string, args ...string) string {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	cmd := exec.Command(file, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, &out, &complaints)
	}
	return out.String()
}

// Every command of PyWebhooks' documentation works as it is printed there, but for where
// the server and the endpoint are.
func TestPyWebhooksCommandsWorkAsPrinted(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatalf("this test runs curl: %v", err)
	}
	text, err := os.ReadFile(filepath.Join("testdata", "pywebhooks", "commands.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 21 {
		t.Fatalf("%d commands, want 21", len(lines))
	}
	for n, line := range lines {
		want, command, _ := strings.Cut(line, " ")
		t.Run(fmt.Sprintf("%02d", n+1), func(t *testing.T) {
			r := testkit.NewReceiver(t)
			r.Script("", echoes)
			s := startServer(t)
			runBinary(t, documented(t, command, r.Addr()), "import", "pywebhooks", "--data-dir", s.dir, "-")
			here := strings.NewReplacer("127.0.0.1:8081", strings.TrimPrefix(s.url, "http://"), "127.0.0.1:9090", r.Addr()).Replace(command)
			out, err := exec.Command("sh", "-c", here+` -s -w '\n%{http_code}'`).Output()
			if err != nil {
				t.Fatalf("%s: %v", here, err)
			}
			body, status, _ := strings.Cut(string(out), "\n\n") // the body ends a line, and so does what -w begins with
			if status != want || !json.Valid([]byte(body)) {
				t.Errorf("%s\n%s\n%s, want %s", here, body, status, want)
			}
			if strings.Contains(command, "/triggered/") {
				if _, err := r.Wait(1, 30*time.Second); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// client speaks the API of PyWebhooks as somebody.
type client struct {
	t               *testing.T
	url, name, key  string
	failedCountPath string
}

// do makes a request that has to end with the status, and returns the answer's object.
func (c *client) do(want int, method, path, body string) map[string]any {
	c.t.Helper()
	req, err := http.NewRequest(method, c.url+"/v1"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.name != "" {
		req.Header.Set("username", c.name)
		req.Header.Set("api-key", c.key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		c.t.Fatalf("%s %s: %d, want %d: %v %s", method, path, resp.StatusCode, want, err, answer)
	}
	var o map[string]any
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &o); err != nil {
			c.t.Fatal(err)
		}
	}
	return o
}

// join makes an account.
func join(t *testing.T, url, name, endpoint string) *client {
	t.Helper()
	c := &client{t: t, url: url}
	o := c.do(201, "POST", "/account", fmt.Sprintf(`{"username": %q, "endpoint": %q}`, name, endpoint))
	c.name, c.key, c.failedCountPath = name, o["api_key"].(string), "/account/"+o["id"].(string)
	return c
}

// program starts a receiver in Python, and returns its address and the lines that it
// prints.
func program(t *testing.T, style string) (address string, lines <-chan string) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 to run the published receivers with")
	}
	cmd := exec.Command(python, filepath.Join("testdata", "pywebhooks", "receiver.py"), style)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	all := make(chan string, 1000)
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			all <- s.Text()
		}
		close(all)
	}()
	return "127.0.0.1:" + next(t, all), all
}

func next(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case line, ok := <-lines:
		if !ok {
			t.Fatal("the receiver ended")
		}
		return line
	case <-time.After(time.Minute):
		t.Fatal("the receiver printed nothing")
	}
	return ""
}

// Both styles of receiver that were published check signatures: of the body as it comes,
// and of what Python makes of it.
func TestPyWebhooksReceiversVerifyEveryDelivery(t *testing.T) {
	payloads := []string{
		`{"items": [{"item1": 1}, {"item2": 2}], "message": "hello world"}`, `{"z": 1, "a": {"y": 2.0, "b": []}}`,
		`null`, `"text"`, `[]`, `{}`, `true`, `-0.0`, `1e16`, `[1.0, 100.0, 1e+30, 1e-7, 0.0001, 5e-324, 123456789.125, 1.7976931348623157e308]`,
		`12345678901234567890123`, `"hé€😀\u2028\u007f<&>\"\\/\u0001\n\t\b\f\r"`, `{"\ud83d": "\ude00", "é": {"": null}}`,
	}
	for _, style := range []string{"raw", "parsed"} {
		t.Run(style, func(t *testing.T) {
			address, lines := program(t, style)
			s := startServer(t)
			c := join(t, s.url, "python", "http://"+address+"/account/endpoint")
			c.do(200, "POST", "/account/reset/secretkey", "") // which tells the program its key
			for n, data := range payloads {
				event := fmt.Sprintf("event.%d", n)
				o := c.do(201, "POST", "/webhook/registration", fmt.Sprintf(`{"event": %q, "description": "", "event_data": %s}`, event, data))
				c.do(201, "POST", "/webhook/subscription/"+o["id"].(string), `"{}"`)
				c.do(201, "POST", "/webhook/triggered/"+o["id"].(string), `"{}"`)
				if got := next(t, lines); got != "good "+event {
					t.Errorf("%s: %s", data, got)
				}
			}
			if o := c.do(200, "GET", c.failedCountPath, ""); o["failed_count"] != 0.0 {
				t.Errorf("got %v", o)
			}
		})
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// An installation begins with an admin, who is shown once; PyWebhooks is then on the
// port that it is given, with nothing else.
func TestPyWebhooksHasItsOwnListener(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var made struct {
		PyWebhooks struct {
			Username  string `json:"username"`
			APIKey    string `json:"api_key"`
			SecretKey string `json:"secret_key"`
		} `json:"pywebhooks"`
	}
	if err := json.Unmarshal([]byte(runBinary(t, "", "init", "--json", "--data-dir", dir)), &made); err != nil {
		t.Fatal(err)
	}
	own := freeAddress(t)
	s := startServerIn(t, dir, "--set", "dialects.pywebhooks.listen="+own)
	admin := &client{t: t, url: "http://" + own, name: made.PyWebhooks.Username, key: made.PyWebhooks.APIKey}
	for _, url := range []string{"http://" + own, s.url} {
		admin.url = url
		all := admin.do(200, "GET", "/accounts?start=0&limit=10", "")["accounts"].([]any)
		if len(all) != 1 || all[0].(map[string]any)["secret_key"] != made.PyWebhooks.SecretKey {
			t.Errorf("the admin sees %v", all)
		}
	}
	resp, err := http.Get("http://" + own + "/api/v1/health")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("the native API on PyWebhooks' listener: %d", resp.StatusCode)
	}

	// What one API makes the other one sees.
	r := testkit.NewReceiver(t)
	r.Script("", echoes)
	c := join(t, s.url, "sarah", r.URL())
	var app struct {
		UID  string `json:"uid"`
		Name string `json:"name"`
	}
	s.must(http.StatusOK, "GET", "/app/sarah", nil, &app)
	if app.UID != "sarah" || app.Name != "sarah" {
		t.Errorf("the native API shows %v", app)
	}
	o := c.do(201, "POST", "/webhook/registration", `{"event": "e", "description": "", "event_data": {"n": 1}}`)
	c.do(201, "POST", "/webhook/subscription/"+o["id"].(string), "")
	fired := c.do(201, "POST", "/webhook/triggered/"+o["id"].(string), "")
	if _, err := r.Wait(2, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	var message struct {
		Payload any `json:"payload"`
	}
	s.must(http.StatusOK, "GET", "/app/sarah/msg/"+fired["id"].(string), nil, &message)
	if fmt.Sprint(message.Payload) != "map[n:1]" {
		t.Errorf("the message is %v", message)
	}
	s.must(http.StatusCreated, "POST", "/app", map[string]any{"name": "Shop", "uid": "shop"}, nil)
	if all := admin.do(200, "GET", "/accounts?start=0&limit=10", "")["accounts"].([]any); len(all) != 3 {
		t.Errorf("the admin sees %v", all)
	}
}
