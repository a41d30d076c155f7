package rabbit_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/internal/rabbit"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T, url string, o rabbit.Options) (*rabbit.Conn, error) {
	t.Helper()
	u, err := rabbit.ParseURL(webhook.Secret(url))
	if err != nil {
		t.Fatal(err)
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	c, err := rabbit.Connect(t.Context(), u, o)
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

func TestURLsAreReadAsOthersReadThem(t *testing.T) {
	for url, want := range map[string]string{
		"amqp://localhost":                      "amqp://guest@localhost:5672/%2F",
		"amqp://localhost/":                     "amqp://guest@localhost:5672/%2F",
		"amqp://u:p@localhost:1/%2f":            "amqp://u@localhost:1/%2F",
		"amqps://u:p%40s@broker.test/a%2Fb":     "amqps://u@broker.test:5671/a%2Fb",
		"amqp://[::1]/events":                   "amqp://guest@[::1]:5672/events",
		"http://localhost":                      "",
		"amqp://":                               "",
		"amqp:///vhost":                         "",
		"amqp://h:0/":                           "",
		"amqp://h:65536/":                       "",
		"amqp://h/v?heartbeat=1":                "",
		"amqps://h/?certfile=/etc/passwd":       "",
		"amqp://h/#x":                           "",
		"amqp://u:%zz@h/":                       "",
		"amqp://h/" + strings.Repeat("v", 256):  "",
		"amqp://u%00x:p@h/":                     "",
		"localhost:5672":                        "",
		"amqp://user:hunter2 @exa mple.test/\n": "",
	} {
		u, err := rabbit.ParseURL(webhook.Secret(url))
		if want == "" {
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q: got %v, %v", url, u, err)
			}
			continue
		}
		if err != nil || u.String() != want {
			t.Errorf("%q: got %v, %v, want %s", url, u, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"amqp://guest:guest@localhost:5672/%2F", "amqps://a.b/c", "amqp://[::1%25eth0]:1/x?y#z", "amqp://@/", "amqp:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := rabbit.ParseURL(webhook.Secret(s))
		if err != nil {
			return
		}
		again, err := rabbit.ParseURL(webhook.Secret(u.String()))
		if err != nil || again.String() != u.String() {
			t.Errorf("%q is read as %s, which is read as %s, %v", s, u, again, err)
		}
	})
}

func TestHeaderTablesComeBackAsTheyWent(t *testing.T) {
	now := time.Unix(1e9, 0)
	m := map[string]any{
		"nil": nil, "yes": true, "n": int64(-1), "x": 1.5, "s": "text", "b": []byte{0, 1}, "at": now,
		"list": []any{int64(1), "a", map[string]any{"deep": true}},
	}
	table, err := rabbit.Table(m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, rabbit.Plain(table)); diff != "" {
		t.Error(diff)
	}
	odd := amqp091.Table{
		"i8": int8(-1), "u8": byte(1), "i16": int16(2), "u16": uint16(3), "i32": int32(4), "u32": uint32(5), "f": float32(0.5),
		"d": amqp091.Decimal{Scale: 2, Value: 314}, "t": amqp091.Table{"a": int16(1)},
	}
	want := map[string]any{
		"i8": int64(-1), "u8": int64(1), "i16": int64(2), "u16": int64(3), "i32": int64(4), "u32": int64(5), "f": 0.5, "d": 3.14,
		"t": map[string]any{"a": int64(1)},
	}
	if diff := cmp.Diff(want, rabbit.Plain(odd)); diff != "" {
		t.Error(diff)
	}
}

func TestHeaderTablesThatCannotBeWrittenAreRefused(t *testing.T) {
	loop := map[string]any{}
	loop["self"] = loop
	for name, m := range map[string]map[string]any{
		"a struct": {"a": struct{}{}}, "endless": loop, "a long name": {strings.Repeat("a", 256): 1}, "in a list": {"a": []any{make(chan int)}},
	} {
		if _, err := rabbit.Table(m); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestConnectingEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, scheme := range []string{"amqp", "amqps"} { // nobody answers
		if _, err := connect(t, scheme+"://"+l.Addr().String(), rabbit.Options{Timeout: 50 * time.Millisecond}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", scheme, err)
		}
	}
}

func TestServersThatAreNoBrokersAreSurvived(t *testing.T) {
	for name, says := range map[string]string{
		"HTTP": "HTTP/1.1 400 Bad Request\r\n\r\n", "nothing": "", "zeros": strings.Repeat("\x00", 1<<16),
		"a huge frame": "\x01\x00\x00\xff\xff\xff\xff" + strings.Repeat("x", 1<<16), "another version": "AMQP\x00\x01\x00\x00",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = io.WriteString(c, says)
				_ = c.Close()
			}
		}()
		if _, err := connect(t, "amqp://"+l.Addr().String(), rabbit.Options{}); err == nil {
			t.Errorf("%s: connected", name)
		}
		_ = l.Close()
	}
}

func TestWrongPasswordsAreToldWithoutThem(t *testing.T) {
	b := testkit.AMQP(t)
	u := strings.Replace(b.URL, "guest:guest@", "guest:hunter2@", 1)
	if u == b.URL {
		t.Skip("the broker's user is not guest")
	}
	_, err := connect(t, u, rabbit.Options{})
	if !rabbit.Closed(err, amqp091.AccessRefused) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestTLSIsVerified(t *testing.T) {
	b := testkit.AMQP(t)
	url, authority := b.Secured()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority.CAPEM))
	if _, err := connect(t, url, rabbit.Options{}); err == nil {
		t.Error("a certificate of an unknown authority is taken")
	} else if _, ok := errors.AsType[*rabbit.HandshakeError](err); !ok {
		t.Errorf("got %v", err)
	}
	if _, err := connect(t, url, rabbit.Options{TLS: &tls.Config{RootCAs: roots, ServerName: "other.test"}}); err == nil {
		t.Error("a certificate for another name is taken")
	}
	c, err := connect(t, url, rabbit.Options{TLS: &tls.Config{RootCAs: roots}})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestPublishingSaysWhatBecameOfEachGroup(t *testing.T) {
	b := testkit.AMQP(t)
	exchange := b.Exchange("e", "topic")
	queue := b.Queue("q", exchange, "wanted")
	c, err := connect(t, b.URL, rabbit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Publisher()
	if err != nil {
		t.Fatal(err)
	}
	wanted := rabbit.Publication{Exchange: exchange, RoutingKey: "wanted", Mandatory: true}
	if err := p.Publish(t.Context(), wanted, wanted); err != nil || b.Depth(queue) != 2 {
		t.Errorf("got %v, %d messages arrived", err, b.Depth(queue))
	}
	returned, ok := errors.AsType[*rabbit.ReturnedError](p.Publish(t.Context(), wanted, rabbit.Publication{Exchange: exchange, RoutingKey: "other", Mandatory: true}))
	if !ok || returned.Code != amqp091.NoRoute || !p.Usable() {
		t.Errorf("got %v", returned)
	}
	if err := p.Publish(t.Context(), wanted); err != nil {
		t.Errorf("after a message that was returned: %v", err)
	}
	err = p.Publish(t.Context(), rabbit.Publication{Exchange: b.Name("nowhere"), RoutingKey: "x"})
	if !rabbit.Closed(err, amqp091.NotFound) || p.Usable() {
		t.Errorf("got %v, usable: %v", err, p.Usable())
	}
}
