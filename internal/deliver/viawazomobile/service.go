// Package viawazomobile is the service "wazo-mobile": it tells the phones of Wazo's
// users of calls, messages and voicemails, as the service mobile of wazo-webhookd
// does. Who has which phone, and what it is reached with, it asks wazo-auth. It speaks
// to Firebase (FCM v1), to a push proxy in Firebase's old manner, and to Apple (APNs).
package viawazomobile

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/wazo/auth"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Auth is what is asked of wazo-auth. *auth.Client is one.
type Auth interface {
	// Get reads something with our own token. What is not there is an *auth.NotFoundError.
	Get(ctx context.Context, path, tenant string, into any) error
	// NewToken asks for a token of the service's credentials.
	NewToken(ctx context.Context, backend string, lifetime time.Duration) (*auth.Token, error)
}

// Options configure a Service. Sender, PushSender and PushDialer are required; zero fields take
// the defaults named.
type Options struct {
	Auth Auth // nil: there is no wazo-auth, and no phone can be told anything

	// Sender leads where a tenant's configuration says.
	Sender deliver.Sender
	// PushSender and PushDialer lead where the operator's configuration says.
	PushSender deliver.Sender
	PushDialer *egress.Dialer
	RootCAs    *x509.CertPool // for APNs; nil is the system's

	// FCMEndpoint is where messages for FCM v1 and for a push proxy go; {project_id} is
	// that of the tenant's account: Google's.
	FCMEndpoint string
	// APNsHost and APNsPort are where messages for Apple go: api.push.apple.com, or its
	// sandbox for tenants that use that, and 443.
	APNsHost string
	APNsPort int
	// APNsCallTopic and APNsDefaultTopic are for phones that tell none of their own:
	// org.wazo-platform.voip and org.wazo-platform.
	APNsCallTopic    string
	APNsDefaultTopic string

	Logger *slog.Logger
	Now    func() time.Time
}

// Defaults of Options.
const (
	DefaultFCMEndpoint      = "https://fcm.googleapis.com/v1/projects/{project_id}/messages:send"
	DefaultAPNsHost         = "api.push.apple.com"
	DefaultAPNsPort         = 443
	DefaultAPNsCallTopic    = "org.wazo-platform.voip"
	DefaultAPNsDefaultTopic = "org.wazo-platform"

	apnsSandbox = "api.sandbox.push.apple.com"
)

// Service tells phones. It implements deliver.Service.
type Service struct {
	o      Options
	tokens *tokens
	apple  *apple
}

// New checks the options and returns the service. Close it to close its connections.
func New(o Options) (*Service, error) {
	if o.Sender == nil || o.PushSender == nil || o.PushDialer == nil {
		return nil, errors.New("viawazomobile: senders and a dialer are required")
	}
	setDefault(&o.FCMEndpoint, DefaultFCMEndpoint)
	setDefault(&o.APNsHost, DefaultAPNsHost)
	setDefault(&o.APNsPort, DefaultAPNsPort)
	setDefault(&o.APNsCallTopic, DefaultAPNsCallTopic)
	setDefault(&o.APNsDefaultTopic, DefaultAPNsDefaultTopic)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o: o, tokens: newTokens(o.Sender, o.Now), apple: newApple(o.PushDialer, o.RootCAs)}, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Close closes the connections to Apple that are idle.
func (s *Service) Close() { s.apple.close() }

// Name returns the name of the service.
func (s *Service) Name() string { return wazo.ServiceMobile }

// Validate takes every configuration that is an object: none of it is used.
func (s *Service) Validate(e *webhook.Endpoint) error {
	var config map[string]json.RawMessage
	if len(e.Config) > 0 && json.Unmarshal(e.Config, &config) != nil {
		return webhook.Errorf(webhook.CodeInvalid, "config", "must be an object")
	}
	return nil
}

// Deliver makes one attempt. Outcome.Extra says in "detail" what Wazo's log says of it.
func (s *Service) Deliver(ctx context.Context, job *deliver.Job) webhook.Outcome {
	if job.Event.PayloadDeleted {
		return failed("the payload was deleted")
	}
	if err := s.Validate(job.Endpoint); err != nil {
		return failed(err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, job.Timeout)
	defer cancel()
	m, err := s.message(job)
	switch {
	case err != nil:
		return failed(err.Error())
	case m == nil:
		return webhook.Outcome{Result: webhook.ResultDelivered, Extra: wazo.Detail(struct{}{})}
	}
	p, out := s.phone(ctx, m)
	if p == nil {
		return out
	}
	if p.apple() {
		return s.toApple(ctx, p, m)
	}
	return s.toFirebase(ctx, p, m)
}

// message is what a phone is to be told of a job; nil is nothing.
func (s *Service) message(job *deliver.Job) (*message, error) {
	if job.Endpoint.Annotations[Annotation] != nil {
		return readNotification(job.Event.Payload, s.o.Now())
	}
	d, err := wazo.DocumentFor(job.Endpoint, job.Event, job.Delivery)
	if err != nil {
		return nil, err
	}
	if d.EventsUserUUID == nil {
		return nil, errors.New("the subscription is for no user: events_user_uuid is not set")
	}
	return readEvent(job.Event.Payload, d.OwnerTenantUUID, *d.EventsUserUUID, s.o.Now())
}

// phone is a user's phone, and what it is reached with.
type phone struct {
	Token            string `json:"token"`
	APNsToken        string `json:"apns_token"`
	APNsVoIP         string `json:"apns_voip_token"`
	APNsNotification string `json:"apns_notification_token"`
	APNsCallTopic    string `json:"apns_call_topic"`
	APNsDefaultTopic string `json:"apns_default_topic"`
	tenant           tenant
	jwt              string // for proxies; empty is none
}

// tenant is what a tenant's pushes are made with.
type tenant struct {
	FCMKey         string `json:"fcm_api_key"`
	ServiceAccount string `json:"fcm_service_account_info"` // JSON text
	Certificate    string `json:"ios_apn_certificate"`
	Key            string `json:"ios_apn_private"`
	Sandbox        bool   `json:"use_sandbox"`
}

// apple says whether the phone is reached by way of Apple.
func (p *phone) apple() bool {
	return p.APNsToken != "" || p.APNsVoIP != "" || p.APNsNotification != ""
}

// phone asks wazo-auth for the user's phone. Without one the outcome says why.
func (s *Service) phone(ctx context.Context, m *message) (*phone, webhook.Outcome) {
	if s.o.Auth == nil {
		return nil, failed("there is no wazo-auth that knows the user's phone")
	}
	var p phone
	err := s.o.Auth.Get(ctx, "/users/"+url.PathEscape(m.user)+"/external/mobile", m.tenant, &p)
	if _, none := errors.AsType[*auth.NotFoundError](err); none {
		return nil, failed("the user has no external auth \"mobile\"")
	}
	if err == nil {
		err = s.o.Auth.Get(ctx, "/external/mobile/config", m.tenant, &p.tenant)
		if _, none := errors.AsType[*auth.NotFoundError](err); none {
			err = nil
		}
	}
	if err != nil {
		return nil, again(err.Error(), ctx)
	}
	if p.apple() || p.tenant.ServiceAccount == "" && p.tenant.FCMKey == "" {
		if t, err := s.o.Auth.NewToken(ctx, "wazo_user", time.Hour); err == nil {
			p.jwt = t.Metadata.JWT
		} else {
			s.o.Logger.Warn("no token of the backend wazo_user for a push", "error", err)
		}
	}
	return &p, webhook.Outcome{}
}
