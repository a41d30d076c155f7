package egress_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestCheckURLRefusesEverySpellingOfInside(t *testing.T) {
	d := dialer(t, egress.Options{})
	for _, u := range []string{
		"http://127.0.0.1/", "HTTP://127.0.0.1/", "hTTps://127.0.0.1:443/", "http://127.0.0.1./",
		"http://2130706433/", "http://0x7f000001/", "http://017700000001/", "http://0x7f.1/", "http://127.1/",
		"http://127.0.1/", "http://0177.0.0.1/", "http://0x7f.0.0.0x1/", "http://00000177.0.0.1/", "http://0/",
		"http://0x/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://example.com.0x7f/",
		"http://%31%32%37.0.0.1/",
		"http://１２７.０.０.１/", "http://127。0。0。1/", "http://①②⑦.⓪.⓪.①/",
		"http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]:80/", "http://[::ffff:127.0.0.1]/",
		"http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/", "http://[fe80::1%25eth0]/", "http://[fd00:ec2::254]/",
		"http://[64:ff9b::a00:1]/",
		"http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://a.b.localhost/", "http://ＬＯＣＡＬＨＯＳＴ/",
		"http://user:pass@127.0.0.1/", "http://example.com@127.0.0.1/", "http://127.0.0.1:80@10.0.0.1/",
		"http://169.254.169.254/latest/meta-data/", "http://10.0.0.1:8080/", "http://0.0.0.0/",
	} {
		if got, err := d.CheckURL(u); err == nil {
			t.Errorf("%s passes as %s", u, got)
		}
	}
}

func TestCheckURLRefusesWhatIsNoURLToPostTo(t *testing.T) {
	d := dialer(t, egress.Options{Allow: []string{"*"}})
	for _, u := range []string{
		"", " ", "example.com", "//example.com/", "/path", "http:", "http:/", "http://", "http:///path", "http:example.com",
		"ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "unix:///run/x.sock",
		"http://:80/", "http://user@/", "http://example.com:0/", "http://example.com:65536/", "http://example.com:http/",
		"http://example.com:-1/", "http://example.com:80:80/",
		"http://exa\nmple.com/", "http://example.com/\r\nX: y", "http://example.com/\x00", "http://example.com/\x7f", "\thttp://example.com/",
		"http://exa mple.com/", "http://example.com\\@other.test/", "http://ex<>ample.com/", "http://a..b/", "http://.a/",
		"http://" + strings.Repeat("a", 64) + ".com/", "http://" + strings.Repeat("a.", 127) + "com/",
		"http://[::1/", "http://[1.2.3.4]/", "http://[example.com]/", "http://[::1]x/",
		"http://xn--a/", "http://example.com/%zz", "http://example.com/" + strings.Repeat("a", egress.MaxURLLength),
	} {
		got, err := d.CheckURL(u)
		if err == nil {
			t.Errorf("%q passes as %s", u, got)
			continue
		}
		if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Code != webhook.CodeInvalid || e.Field != "url" {
			t.Errorf("%q: got %v, want an invalid url", u, err)
		}
	}
}

func TestCheckURLReturnsTheHostAsItIsResolved(t *testing.T) {
	d := dialer(t, egress.Options{})
	for raw, want := range map[string]string{
		"HTTPS://Example.COM/Path":           "example.com",
		"https://example.com./":              "example.com",
		"https://example.com:8443/":          "example.com:8443",
		"https://example.com:/":              "example.com",
		"https://example.com:0443/":          "example.com:443",
		"https://bücher.example/":            "xn--bcher-kva.example",
		"https://b%C3%BCcher.example/":       "xn--bcher-kva.example",
		"https://faß.example/":               "xn--fa-hia.example",
		"http://my_service:8080/":            "my_service:8080",
		"http://user:p%40ss@example.com/":    "example.com",
		"https://[2606:4700:0::1111]:8443/":  "[2606:4700::1111]:8443",
		"https://[2606:4700:4700::1111]/":    "[2606:4700:4700::1111]",
		"https://example.com/a b?q=1 2#frag": "example.com",
		"https://1.example.com/":             "1.example.com",
		"https://0xdead.example/":            "0xdead.example",
		"https://notlocalhost/":              "notlocalhost",
		"https://localhost.example.com/":     "localhost.example.com",
		"https://example.com?only=query":     "example.com",
	} {
		u, err := d.CheckURL(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		} else if u.Host != want {
			t.Errorf("%s: got host %s, want %s", raw, u.Host, want)
		}
	}
}

func TestErrorsNeverRepeatThePassword(t *testing.T) {
	d := dialer(t, egress.Options{})
	for _, u := range []string{"http://u:hunter2@127.0.0.1/", "http://u:hunter2@exa mple/", "http://u:hunter2@a:99999/", "x://u:hunter2@a"} {
		_, err := d.CheckURL(u)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", u, err)
		}
	}
	if _, err := egress.New(egress.Options{Proxy: "http://u:hunter2@exa mple"}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestHTTPSOnlyRefusesHTTP(t *testing.T) {
	d := dialer(t, egress.Options{HTTPSOnly: true})
	if _, err := d.CheckURL("http://example.com/"); err == nil {
		t.Error("http passes")
	}
	if _, err := d.CheckURL("HTTPS://example.com/"); err != nil {
		t.Error(err)
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{
		"https://user:pass@Example.com:8443/a?b#c", "http://0x7f.1/", "http://[::ffff:1.2.3.4%25e]:1/", "http://１２７.０.０.１/",
		"http://bücher.example./", "http://a\\b@c/", "http://xn--a.b/",
	} {
		f.Add(s)
	}
	d, err := egress.New(egress.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := d.CheckURL(raw)
		if err != nil {
			if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Field != "url" {
				t.Fatalf("%q: got %v, want an error for the url", raw, err)
			}
			return
		}
		for _, c := range []byte(u.Host) {
			if c <= ' ' || c >= 0x7f {
				t.Fatalf("%q: host %q is not plain ASCII", raw, u.Host)
			}
		}
		// What passed means the same when it is read again.
		again := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}
		v, err := d.CheckURL(again.String())
		if err != nil || v.Host != u.Host {
			t.Fatalf("%q: host %q reads as %v, %v the second time", raw, u.Host, v, err)
		}
	})
}
