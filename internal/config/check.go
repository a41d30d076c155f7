package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/rabbit"
	"github.com/switchhook/switchhook/internal/retry"
	"github.com/switchhook/switchhook/internal/seal"
	"github.com/switchhook/switchhook/internal/telemetry"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Check looks at the values: each within its bounds, and all of them together.
// sources say where a value came from, for the messages; nil is fine. The error is
// Problems.
func (c *Config) Check(sources Sources) error {
	k := &checker{sources: sources}
	for _, f := range c.fields() {
		k.bounds(f)
	}
	k.main(c)
	k.egress(&c.Egress)
	k.delivery(&c.Delivery)
	k.add("retention.payload", c.Retention.Attempts > 0 && c.Retention.Payload > c.Retention.Attempts,
		"must be at most retention.attempts, which is %s", formatDuration(c.Retention.Attempts))
	k.cluster(c)
	k.add("limits.batch_body", c.Limits.BatchBody < c.Limits.Body, "must be at least limits.body")
	_, err := telemetry.ParseLevel(c.Log.Level)
	k.err("log.level", err)
	k.add("log.format", c.Log.Format != telemetry.FormatText && c.Log.Format != telemetry.FormatJSON, "is text or json")
	if c.Metrics.Listen != "" {
		k.address("metrics.listen", c.Metrics.Listen)
	}
	k.pywebhooks(&c.Dialects.PyWebhooks)
	k.kazoo(&c.Dialects.Kazoo)
	k.wazo(&c.Dialects.Wazo)
	if len(k.problems) > 0 {
		return k.problems
	}
	return nil
}

// checker gathers problems.
type checker struct {
	sources  Sources
	problems Problems
}

func (k *checker) add(key string, wrong bool, format string, args ...any) {
	if wrong {
		k.problems = append(k.problems, Problem{Key: key, From: k.sources[key], Message: fmt.Sprintf(format, args...)})
	}
}

func (k *checker) err(key string, err error) { k.add(key, err != nil, "%v", err) }

// bounds holds a number against the min and max of its field. Without a min it
// must not be negative.
func (k *checker) bounds(f field) {
	for i := range f.texts() {
		v := f.value
		if f.isList() {
			v = v.Index(i)
		}
		if !v.CanInt() {
			return
		}
		low, high := f.bound(f.min), f.bound(f.max)
		k.add(f.key, v.Int() < low, "must be at least %s", f.boundText(f.min))
		k.add(f.key, f.max != "" && v.Int() > high, "must be at most %s", f.max)
	}
}

func (k *checker) main(c *Config) {
	k.address("listen", c.Listen)
	k.add("data_dir", c.DataDir == "", "must not be empty")
	if s := c.DatabaseURL.Reveal(); s != "" {
		ok := strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
		k.add("database_url", !ok, "must begin with postgres://; leave it empty for SQLite")
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == ""
		k.add("public_url", !ok, "must be an http or https URL without a query")
	}
	if c.SecretKey != "" {
		_, err := seal.FromText(c.SecretKey.Reveal())
		k.err("secret_key", err)
	}
	k.add("secret_key_file", c.SecretKey != "" && c.SecretKeyFile != "", "must be empty when secret_key is set")
	k.add("tls.key", (c.TLS.Cert == "") != (c.TLS.Key == ""), "tls.cert and tls.key belong together")
}

func (k *checker) cluster(c *Config) {
	all := Default().Cluster.Roles
	for _, role := range c.Cluster.Roles {
		k.add("cluster.roles", !slices.Contains(all, role), "%q is no role: there are %s", role, strings.Join(all, ", "))
	}
	k.add("cluster.roles", len(c.Cluster.Roles) == 0, "must not be empty")
	for _, role := range all {
		k.add("cluster.roles", c.DatabaseURL == "" && !c.Cluster.Has(role),
			"lacks %s: roles are divided among nodes on one PostgreSQL, see database_url", role)
	}
}

// egress leaves the rules to the package that keeps them.
func (k *checker) egress(e *Egress) {
	try := func(key string, o egress.Options) {
		_, err := egress.New(o)
		if cause := errors.Unwrap(err); cause != nil {
			err = cause // without the name of the package
		}
		k.err(key, err)
	}
	try("egress.allow", egress.Options{Allow: e.Allow})
	try("egress.proxy", egress.Options{Proxy: e.Proxy.Reveal()})
	try("egress.no_proxy", egress.Options{Proxy: "http://127.0.0.1", NoProxy: e.NoProxy})
}

func (k *checker) delivery(d *Delivery) {
	k.err("delivery.retry_schedule", retry.Check(webhook.RetryPolicy{Schedule: d.RetrySchedule}))
	clean := strings.IndexFunc(d.UserAgent, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	k.add("delivery.user_agent", !clean, "must be plain ASCII")
}

// address checks "host:port", where the host may be empty for all addresses.
func (k *checker) address(key, s string) {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	k.add(key, err != nil, "%q is not host:port", s)
}

// ownListener checks the address of a listener that need not be there.
func (k *checker) ownListener(key, s string) {
	if s != "" {
		k.address(key, s)
	}
}

// amqp checks the URL of a broker that need not be there.
func (k *checker) amqp(key string, s webhook.Secret) {
	if s == "" {
		return
	}
	_, err := rabbit.ParseURL(s)
	k.err(key, err)
}
