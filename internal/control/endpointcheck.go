package control

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/retry"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/webhook"
)

// What an endpoint may ask for.
const (
	maxRate      = 1_000_000 // deliveries a second
	maxFailures  = 1_000     // that a health policy counts: they are kept one by one
	maxPolicyAge = 366 * 24 * time.Hour
	maxPEM       = 64 << 10 // bytes of certificates or a key
	maxKey       = 1024     // bytes of a signing key's text
)

// settleEnabled makes reason and time fit Enabled.
func settleEnabled(e *webhook.Endpoint, wasEnabled bool, now time.Time) {
	switch {
	case e.Enabled:
		e.DisabledReason, e.DisabledAt = "", time.Time{}
	case wasEnabled:
		e.DisabledAt = now
		fallthrough
	default:
		if e.DisabledReason == "" {
			e.DisabledReason = webhook.DisabledByOwner
		}
	}
}

// checkEndpoint says whether the endpoint can be kept.
func (c *Control) checkEndpoint(e *webhook.Endpoint, subs []webhook.Subscription) error {
	for _, check := range []func(*webhook.Endpoint) error{
		c.checkWords, c.checkHeaders, checkKeys, checkTLS, c.checkPace, checkPolicies, c.checkConfig,
	} {
		if err := check(e); err != nil {
			return err
		}
	}
	if len(subs) > c.limits.Subscriptions {
		return webhook.Errorf(webhook.CodeLimit, "subscriptions", "at most %d are allowed", c.limits.Subscriptions)
	}
	for i := range subs {
		if err := c.checkSubscription(&subs[i]); err != nil {
			return within(fmt.Sprintf("subscriptions.%d", i), err)
		}
	}
	return nil
}

// checkService asks the service whether it can deliver to the endpoint.
func (c *Control) checkService(e *webhook.Endpoint) error {
	service := c.services[e.Service]
	if service == nil && c.mayLack(e) {
		return checkText("service", e.Service, maxName)
	}
	if service == nil {
		return invalid("service", "there is no service %q", e.Service)
	}
	if schema := c.schemas[e.Service]; schema != nil {
		config := e.Config
		if config == nil {
			config = json.RawMessage("{}")
		}
		if err := schema.Validate(config); err != nil {
			return invalid("config", "%v", err)
		}
	}
	return service.Validate(e)
}

// ChecksConfig says whether the service has a rule of its own for configurations,
// which is asked when an endpoint is saved. A dialect with a general rule for the
// configurations of all services leaves it out then.
func (c *Control) ChecksConfig(service string) bool {
	if s, ok := c.services[service].(deliver.ChecksConfig); ok {
		return s.ChecksConfig()
	}
	return c.schemas[service] != nil
}

// deliveredAlike says whether a service sees no difference between the endpoints.
func deliveredAlike(a, b *webhook.Endpoint) bool {
	return reflect.DeepEqual(asDelivered(*a), asDelivered(*b))
}

// asDelivered leaves out what is the engine's business and not the service's.
func asDelivered(e webhook.Endpoint) webhook.Endpoint {
	e.UID, e.Description, e.Metadata = "", "", nil
	e.RateLimit, e.MaxInFlight, e.Ordering = 0, 0, webhook.OrderingNone
	e.Retry, e.Health = webhook.RetryPolicy{}, webhook.HealthPolicy{}
	e.Enabled, e.DisabledReason, e.DisabledAt = false, "", time.Time{}
	e.CreatedAt, e.UpdatedAt, e.Version = time.Time{}, time.Time{}, 0
	return e
}

func (c *Control) checkWords(e *webhook.Endpoint) error {
	if err := checkUID(e.UID); err != nil {
		return err
	}
	if err := checkProse("description", e.Description, maxDescription); err != nil {
		return err
	}
	if err := checkProse("url", e.URL, maxURL); err != nil {
		return err
	}
	if err := checkText("disabledReason", e.DisabledReason, maxName); err != nil {
		return err
	}
	if err := c.checkMetadata(e.Metadata); err != nil {
		return err
	}
	return c.checkAnnotations(e.Annotations)
}

// checkHeaders bounds headers and wants each name once. Which names and values can
// be sent is the service's to say.
func (c *Control) checkHeaders(e *webhook.Endpoint) error {
	if len(e.Headers) > c.limits.Headers {
		return invalid("headers", "must have at most %d members", c.limits.Headers)
	}
	size, seen := 0, make(map[string]bool, len(e.Headers))
	for _, h := range e.Headers {
		lower := strings.ToLower(h.Name)
		switch field := "headers." + h.Name; {
		case h.Name == "":
			return invalid("headers", "must not have an empty name")
		case seen[lower]:
			return invalid(field, "must be there once only")
		}
		seen[lower] = true
		size += len(h.Name) + len(h.Value)
	}
	if size > c.limits.HeaderBytes {
		return webhook.Errorf(webhook.CodeTooLarge, "headers", "must have at most %d bytes", c.limits.HeaderBytes)
	}
	return nil
}

// checkKeys wants Standard Webhooks keys where a key says that it is one, and
// for plain HTTP, which signs with nothing else.
func checkKeys(e *webhook.Endpoint) error {
	for i, k := range e.Keys {
		if err := checkKey(e.Service, k.Key.Reveal()); err != nil {
			return within(fmt.Sprintf("keys.%d", i), err)
		}
	}
	return nil
}

func checkKey(service, text string) error {
	standard := strings.HasPrefix(text, "whsec_") || strings.HasPrefix(text, "whsk_")
	switch {
	case len(text) > maxKey:
		return invalid("", "must have at most %d bytes", maxKey)
	case standard, service == webhook.ServiceHTTP:
		if err := sign.CheckKey(text); err != nil {
			return invalid("", "%v", err)
		}
	case text == "":
		return invalid("", "must not be empty")
	}
	return nil
}

func checkTLS(e *webhook.Endpoint) error {
	if e.TLS == nil {
		return nil
	}
	if len(e.TLS.CertificatePEM) > maxPEM || len(e.TLS.KeyPEM) > maxPEM || len(e.TLS.CAPEM) > maxPEM {
		return webhook.Errorf(webhook.CodeTooLarge, "tls", "each part must have at most %d bytes", maxPEM)
	}
	return checkText("tls.serverName", e.TLS.ServerName, maxName)
}

func (c *Control) checkPace(e *webhook.Endpoint) error {
	switch {
	case e.Timeout < 0 || e.Timeout > c.limits.Timeout:
		return invalid("timeout", "must be 0 to %s", c.limits.Timeout)
	case e.RateLimit < 0 || e.RateLimit > maxRate:
		return invalid("rateLimit", "must be 0 to %d", maxRate)
	case e.MaxInFlight < 0 || e.MaxInFlight > c.limits.MaxInFlight:
		return invalid("maxInFlight", "must be 0 to %d", c.limits.MaxInFlight)
	case e.Ordering != webhook.OrderingNone && e.Ordering != webhook.OrderingFIFO:
		return invalid("ordering", "must be empty or %q", webhook.OrderingFIFO)
	}
	return nil
}

func checkPolicies(e *webhook.Endpoint) error {
	if err := retry.Check(e.Retry); err != nil {
		return within("retry", err)
	}
	return checkHealth(e.Health)
}

func checkHealth(p webhook.HealthPolicy) error {
	for _, age := range []time.Duration{p.FailingFor, p.Window} {
		if age < 0 || age > maxPolicyAge {
			return invalid("health", "times must be 0 to %s", maxPolicyAge)
		}
	}
	for _, count := range []int{p.MinFailures, p.MaxFailuresInRow} {
		if count < 0 {
			return invalid("health", "counts must not be negative")
		}
	}
	if p.WindowFailures < 0 || p.WindowFailures > maxFailures {
		return invalid("health", "failures in a window must be 0 to %d", maxFailures)
	}
	return checkText("health", p.Reason, maxName)
}

func (c *Control) checkConfig(e *webhook.Endpoint) error {
	if len(e.Config) > c.limits.ConfigBytes {
		return webhook.Errorf(webhook.CodeTooLarge, "config", "must have at most %d bytes", c.limits.ConfigBytes)
	}
	if e.Config != nil && !json.Valid(e.Config) {
		return invalid("config", "must be JSON")
	}
	return nil
}
