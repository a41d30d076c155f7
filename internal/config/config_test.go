package config

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/webhook"
)

func load(t *testing.T, in Input) (*Config, Sources) {
	t.Helper()
	c, sources, err := Load(in)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c, sources
}

func TestDefaultsAreValid(t *testing.T) {
	c, sources := load(t, Input{})
	if err := c.Check(sources); err != nil {
		t.Errorf("Check: %v", err)
	}
	if diff := cmp.Diff(Default(), c); diff != "" {
		t.Errorf("nothing said is not the default:\n%s", diff)
	}
}

func TestEachLayerOverridesTheOneBelow(t *testing.T) {
	c, sources := load(t, Input{
		File: "s.yaml",
		YAML: []byte("listen: a:1\ndata_dir: from-file\negress:\n  allow: [10.0.0.0/8, loopback]\nlog:\n  level: warn\n  format: json\n"),
		Environ: []string{
			"SWITCHHOOK_DATA_DIR=from-env", "SWITCHHOOK_LOG_LEVEL=error", "SWITCHHOOK_LOG_FORMAT=text", "HOME=/root",
			"SWITCHHOOK_EGRESS_NO_PROXY= a.example , b.example",
		},
		Set:   []string{"log.level=debug", "retention.payload=2d", "listen=b:2"},
		Flags: []Flag{{Name: "--listen", Key: "listen", Value: "c:3"}},
	})
	want := Default()
	want.Listen, want.DataDir = "c:3", "from-env"
	want.Egress.Allow = []string{"10.0.0.0/8", "loopback"}
	want.Egress.NoProxy = []string{"a.example", "b.example"}
	want.Log = Log{Level: "debug", Format: "text"}
	want.Retention.Payload = 48 * time.Hour
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	wantSources := Sources{
		"listen": "--listen", "data_dir": "SWITCHHOOK_DATA_DIR", "egress.allow": "s.yaml:4",
		"egress.no_proxy": "SWITCHHOOK_EGRESS_NO_PROXY", "log.level": "--set", "log.format": "SWITCHHOOK_LOG_FORMAT",
		"retention.payload": "--set",
	}
	if diff := cmp.Diff(wantSources, sources); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeReadIsNamedWithItsPlace(t *testing.T) {
	for _, c := range []struct {
		name string
		in   Input
		want []Problem
	}{
		{
			"unknown keys",
			Input{File: "f", YAML: []byte("listen: a:1\nlisten_on: b\negress:\n  alow: x\n  none:\nnested: {a: 1}\n")},
			[]Problem{
				{"listen_on", "f:2", "there is no such setting"},
				{"egress.alow", "f:4", "there is no such setting"},
				{"egress.none", "f:5", "there is no such setting"},
				{"nested", "f:6", "there is no such setting"},
			},
		},
		{
			"key on the wrong level",
			Input{File: "f", YAML: []byte("allow: [loopback]\n")},
			[]Problem{{"allow", "f:1", "there is no such setting; do you mean egress.allow?"}},
		},
		{
			"twice",
			Input{File: "f", YAML: []byte("log:\n  level: info\nlog.level: warn\n")},
			[]Problem{{"log.level", "f:3", "is given twice, or is not a plain key"}},
		},
		{
			"wrong kinds",
			Input{File: "f", YAML: []byte("listen: [a, b]\negress: loopback\nlog: {level: {a: 1}}\nlimits:\n  in_flight: many\n")},
			[]Problem{
				{"listen", "f:1", "takes one value, not a list"},
				{"egress", "f:2", "must have keys of its own"},
				{"log.level", "f:3", "must be a plain value or a list of them"},
				{"limits.in_flight", "f:5", `"many" is not a whole number`},
			},
		},
		{
			"a number without its unit",
			Input{File: "f", YAML: []byte("delivery:\n  timeout: 15\nlimits:\n  body: 2000000\n")},
			[]Problem{
				{"delivery.timeout", "f:2", `"15" is not a duration like 15s, 12h or 30d`},
				{"limits.body", "f:4", `"2000000" is not a size like 64KiB or 2MB`},
			},
		},
		{
			"numbers with a fraction",
			Input{Set: []string{"dialects.wazo.hook_http_retry_countdown_factor=NaN", "dialects.wazo.hook_max_attempts=1.5"}},
			[]Problem{
				{"dialects.wazo.hook_http_retry_countdown_factor", "--set", `"NaN" is not a number`},
				{"dialects.wazo.hook_max_attempts", "--set", `"1.5" is not a whole number`},
			},
		},
		{
			"other layers",
			Input{Environ: []string{"SWITCHHOOK_EGRESS_HTTPS_ONLY=yes"}, Set: []string{"log.level", "x=y"}},
			[]Problem{
				{"egress.https_only", "SWITCHHOOK_EGRESS_HTTPS_ONLY", `"yes" is not true or false`},
				{"", "--set", `"log.level" is not key=value`},
				{"x", "--set", "there is no such setting"},
			},
		},
		{
			"two documents",
			Input{File: "f", YAML: []byte("listen: a:1\n---\nlisten: b:1\n")},
			[]Problem{{"", "f", "there is more than one document"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Load(c.in)
			got, _ := errors.AsType[Problems](err)
			if diff := cmp.Diff(Problems(c.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckReportsEveryProblemWithItsKey(t *testing.T) {
	c, sources := load(t, Input{
		Set: []string{
			"listen=8080", "data_dir=", "database_url=mysql://x", "public_url=example.com", "secret_key=a", "secret_key_file=b",
			"tls.cert=x.pem", "egress.allow=loopback,10.0.0.0/33", "egress.proxy=ftp://p", "egress.no_proxy=10.0.0.0/33", "delivery.timeout=2m",
			"delivery.retry_schedule=5s,900d", "delivery.user_agent=é", "retention.payload=40d", "retention.attempts=30d",
			"limits.body=1B", "limits.batch_body=1KiB", "limits.in_flight=0", "limits.drain=-1s", "cluster.lease=1s",
			"log.level=loud", "log.format=xml", "metrics.listen=:99999",
		},
	})
	problems, _ := errors.AsType[Problems](c.Check(sources))
	var keys []string
	for _, p := range problems {
		if p.From != "--set" && p.Key != "tls.key" {
			t.Errorf("%s is said to come from %q", p.Key, p.From)
		}
		keys = append(keys, p.Key)
	}
	want := []string{
		"delivery.timeout", "limits.body", "limits.in_flight", "limits.drain", "cluster.lease", "listen", "data_dir", "database_url", "public_url",
		"secret_key", "secret_key_file", "tls.key", "egress.allow", "egress.proxy", "egress.no_proxy", "delivery.retry_schedule", "delivery.user_agent",
		"retention.payload", "log.level", "log.format", "metrics.listen",
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("%s\n%v", diff, problems)
	}
}

func TestTheURLOfABrokerIsCheckedAndNotRepeated(t *testing.T) {
	for _, key := range []string{"dialects.kazoo.amqp_url", "dialects.wazo.amqp_url"} {
		for url, want := range map[string]string{
			"amqp://u:hunter2@host/%2F": "", "http://u:hunter2@host/": "must begin with amqp://", "amqp://u:hunter2@host/?heartbeat=1": "nothing behind",
		} {
			c, sources := load(t, Input{Set: []string{key + "=" + url}})
			err := c.Check(sources)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("%s=%s: %v", key, url, err)
			}
		}
	}
}

func TestPrintedConfigurationLoadsBack(t *testing.T) {
	c, _ := load(t, Input{Set: []string{
		"egress.allow=*,10.0.0.0/8", "delivery.user_agent=a: #b", "cluster.node=~", "cluster.poll=1m", "log.level=null",
		"metrics.listen=[::1]:9", "public_url=true", "data_dir=- x", "delivery.retry_schedule=", "tls.cert=1e3",
	}})
	var b bytes.Buffer
	if err := c.WriteYAML(&b, nil, true); err != nil {
		t.Fatal(err)
	}
	back, _ := load(t, Input{File: "printed", YAML: b.Bytes()})
	if diff := cmp.Diff(c, back); diff != "" {
		t.Errorf("%s\n%s", diff, b.String())
	}
}

func TestSecretsAreMasked(t *testing.T) {
	c, sources := load(t, Input{Set: []string{
		"secret_key=hunter2", "native.jwt_secret=hunter2", "database_url=postgres://u:hunter2@db/x?password=hunter2",
		"egress.proxy=socks5://u:hunter2@p:1",
	}})
	var b bytes.Buffer
	if err := c.WriteYAML(&b, sources, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter2") {
		t.Errorf("a secret shows:\n%s", b.String())
	}
	for _, want := range []string{`secret_key: "[redacted]" # --set`, "database_url: postgres://u:xxxxx@db/x", "proxy: socks5://u:xxxxx@p:1"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

func TestEverySecretFieldIsMaskedAndEveryFieldDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Default().fields() {
		if (f.value.Type() == reflect.TypeFor[webhook.Secret]()) != (f.mask != "") {
			t.Errorf("%s: a webhook.Secret has a mask, and nothing else has", f.key)
		}
		if f.doc == "" || strings.HasSuffix(f.key, ".") {
			t.Errorf("%s: a tag is missing", f.key)
		}
		if seen[f.env()] {
			t.Errorf("%s: %s is taken", f.key, f.env())
		}
		seen[f.env()] = true
	}
}

func TestStrangersAreNoticed(t *testing.T) {
	got := Strangers([]string{
		"SWITCHHOOK_LISTEN=x", "SWITCHHOOK_LISTN=x", "SWITCHHOOK_URL=x", "SWITCHHOOK_API_KEY=x", "SWITCHHOOK_CONFIG=x",
		"SWITCHHOOK_TEST_POSTGRES=x", "SWITCHHOOK=x",
	})
	if diff := cmp.Diff([]string{"SWITCHHOOK_LISTN"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDurationsAndSizes(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "15s": 15 * time.Second, "30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute, "-5s": -5 * time.Second,
	} {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "d", "-1d", "1d-1h", "1.5d", "9999999999d", "106751d24h", "5 s", "d5h"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v", text, got)
		}
	}
	for text, want := range map[string]Size{"0": 0, "512B": 512, "64KiB": 64 << 10, "2MB": 2e6, "2 GiB": 2 << 30} {
		got, err := ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "MB", "-1MB", "1.5GB", "9999999999GiB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %v", text, got)
		}
	}
}

// FuzzYAML holds that no file makes Load panic, and that what it accepts, printed,
// is accepted again.
func FuzzYAML(f *testing.F) {
	f.Add("listen: a:1\negress:\n  allow: [loopback, 10.0.0.0/8]\n")
	f.Add("a: &x {b: *x}\n<<: *x\nlog: *x\n")
	f.Add("retention: {payload: 30d, attempts: 0}\nlimits:\n  body: 2MB\ndelivery:\n  retry_schedule:\n  - 5s\n")
	f.Add("? [a]\n: b\n--- !!null\n")
	f.Fuzz(func(t *testing.T, content string) {
		c, sources, err := Load(Input{File: "f", YAML: []byte(content)})
		if err != nil {
			return
		}
		_ = c.Check(sources)
		c.SecretKey, c.Native.JWTSecret, c.DatabaseURL, c.Egress.Proxy = "", "", "", "" // they do not print
		var b bytes.Buffer
		if err := c.WriteYAML(&b, sources, false); err != nil {
			t.Fatal(err)
		}
		back, _, err := Load(Input{File: "printed", YAML: b.Bytes()})
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if diff := cmp.Diff(c, back); diff != "" {
			t.Errorf("%s\n%s", diff, b.String())
		}
	})
}

// FuzzSet holds that no --set makes Load or Check panic, and that a value read is
// a value that reads back.
func FuzzSet(f *testing.F) {
	f.Add("egress.allow=10.0.0.0/8, loopback")
	f.Add("retention.payload=1d12h")
	f.Add("limits.body=64KiB")
	f.Add("=")
	f.Fuzz(func(t *testing.T, set string) {
		c, sources, err := Load(Input{Set: []string{set}})
		if err != nil {
			return
		}
		_ = c.Check(sources)
		again := Default()
		to := again.fields()
		for i, f := range c.fields() {
			if err := to[i].set(f.texts()); err != nil {
				t.Fatalf("%s: %v", f.key, err)
			}
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAFactorMayHaveAFraction(t *testing.T) {
	for text, want := range map[string]float64{"1.5": 1.5, "0": 0, "2": 2, "1000": 1000} {
		c, _, err := Load(Input{File: "f", YAML: []byte("dialects:\n  wazo:\n    hook_http_retry_countdown_factor: " + text + "\n")})
		if err != nil || c.Dialects.Wazo.CountdownFactor != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"-1", "1001"} {
		c, sources, err := Load(Input{Set: []string{"dialects.wazo.hook_http_retry_countdown_factor=" + text}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(sources); err == nil || !strings.Contains(err.Error(), "must be 0 to 1000") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
