package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Wazo is the dialect of wazo-webhookd.
type Wazo struct {
	Enabled bool           `key:"enabled" doc:"Serve the API of wazo-webhookd below /1.0."`
	Listen  string         `key:"listen" doc:"Address of a listener with this API alone; the original's is 127.0.0.1:9300. Empty: on the main listener only."`
	UUID    string         `key:"uuid" doc:"UUID of the Wazo installation, which the original has from XIVO_UUID: the origin of its events. Empty: the root account's."`
	AMQPURL webhook.Secret `key:"amqp_url" mask:"url" doc:"RabbitMQ of the Wazo platform, whose events are taken in: amqp://user:password@host/. Empty: none."`

	AMQPQueue    string   `key:"amqp_queue" doc:"Our durable queue there. Installations on one broker have different ones."`
	ExchangeName string   `key:"exchange_name" doc:"Headers exchange where the platform's events are, and where changes to subscriptions are told."`
	Auth         WazoAuth `key:"auth"`
	CORS         WazoCORS `key:"cors"`

	FCMEndpoint      string `key:"mobile_fcm_notification_end_point" doc:"Where pushes to Android phones go: Firebase, with {project_id} for the project of a tenant's account, or a push proxy."`
	APNsHost         string `key:"mobile_apns_host" doc:"Host where pushes to iOS phones go: Apple's, or a push proxy."`
	APNsPort         int    `key:"mobile_apns_port" min:"1" max:"65535" doc:"Its port."`
	APNsCallTopic    string `key:"mobile_apns_call_topic" doc:"Topic of calls, for phones that tell none."`
	APNsDefaultTopic string `key:"mobile_apns_default_topic" doc:"Topic of all other pushes, for phones that tell none."`

	MaxAttempts     int     `key:"hook_max_attempts" min:"1" max:"1000" doc:"Attempts of a delivery, the first included."`
	CountdownFactor float64 `key:"hook_http_retry_countdown_factor" doc:"Attempt k is followed by another one after this number to the power of k-1, in whole seconds. 0 to 1000, also 1.5."`
}

// WazoAuth is the wazo-auth that knows tokens, tenants and users.
type WazoAuth struct {
	Host         string         `key:"host" doc:"Host of the wazo-auth to ask. Empty: tokens and tenants are kept here."`
	Port         int            `key:"port" min:"1" max:"65535" doc:"Its port."`
	Prefix       string         `key:"prefix" doc:"What its paths begin with, such as /api/auth."`
	HTTPS        bool           `key:"https" doc:"Speak HTTPS with it."`
	CAFile       string         `key:"ca_file" doc:"PEM file of the certificates to trust. Empty: those of the system."`
	KeyFile      string         `key:"key_file" doc:"YAML file with service_id and service_key, our credentials there."`
	Username     string         `key:"username" doc:"Our name there, instead of key_file's."`
	Password     webhook.Secret `key:"password" mask:"all" doc:"Our password there, instead of key_file's."`
	MasterTenant string         `key:"master_tenant_uuid" doc:"UUID of the master tenant. Empty: the tenant of our own token."`
}

// WazoCORS is what pages of other origins may do.
type WazoCORS struct {
	Enabled      bool     `key:"enabled" doc:"Let pages of other origins call the API."`
	AllowHeaders []string `key:"allow_headers" doc:"Headers that they may send."`
}

func defaultWazo() Wazo {
	return Wazo{
		Enabled: true, AMQPQueue: "switchhook.wazo", ExchangeName: "wazo-headers", Auth: WazoAuth{Port: 9497},
		CORS:        WazoCORS{Enabled: true, AllowHeaders: []string{"Content-Type", "X-Auth-Token", "Wazo-Tenant"}},
		MaxAttempts: 10, CountdownFactor: 2,
		FCMEndpoint: "https://fcm.googleapis.com/v1/projects/{project_id}/messages:send",
		APNsHost:    "api.push.apple.com", APNsPort: 443, APNsCallTopic: "org.wazo-platform.voip", APNsDefaultTopic: "org.wazo-platform",
	}
}

func (k *checker) wazo(w *Wazo) {
	k.ownListener("dialects.wazo.listen", w.Listen)
	k.amqp("dialects.wazo.amqp_url", w.AMQPURL)
	k.add("dialects.wazo.exchange_name", w.ExchangeName == "" || len(w.ExchangeName) > 255, "must have 1 to 255 characters")
	k.add("dialects.wazo.amqp_queue", w.AMQPQueue == "" || len(w.AMQPQueue) > 200, "must have 1 to 200 characters")
	for key, text := range map[string]string{"uuid": w.UUID, "auth.master_tenant_uuid": w.Auth.MasterTenant} {
		v, err := id.Parse(text)
		k.add("dialects.wazo."+key, text != "" && (err != nil || v.String() != text), "must be a UUID in lower case")
	}
	k.add("dialects.wazo.mobile_fcm_notification_end_point", !strings.HasPrefix(w.FCMEndpoint, "https://") && !strings.HasPrefix(w.FCMEndpoint, "http://"), "must be an http or https URL")
	k.add("dialects.wazo.mobile_apns_host", w.APNsHost == "" || strings.ContainsAny(w.APNsHost, "/@ "), "must be a host name or an address")
	k.add("dialects.wazo.hook_http_retry_countdown_factor", w.CountdownFactor < 0 || w.CountdownFactor > 1000, "must be 0 to 1000")
	a := &w.Auth
	k.add("dialects.wazo.auth.host", strings.ContainsAny(a.Host, "/@ "), "must be a host name or an address")
	k.add("dialects.wazo.auth.password", (a.Username == "") != (a.Password == ""), "username and password belong together")
	k.add("dialects.wazo.auth.key_file", a.Host != "" && a.Username == "" && a.KeyFile == "", "must be set, or username and password")
}

// Credentials returns what we are known by at wazo-auth.
func (a *WazoAuth) Credentials() (username string, password webhook.Secret, err error) {
	if a.Username != "" {
		return a.Username, a.Password, nil
	}
	text, err := os.ReadFile(a.KeyFile)
	if err != nil {
		return "", "", fmt.Errorf("dialects.wazo.auth.key_file: %w", err)
	}
	var key struct {
		ID  string `yaml:"service_id"`
		Key string `yaml:"service_key"`
	}
	if err := yaml.Unmarshal(text, &key); err != nil || key.ID == "" || key.Key == "" {
		return "", "", errors.New("dialects.wazo.auth.key_file: must be YAML with service_id and service_key")
	}
	return key.ID, webhook.Secret(key.Key), nil
}
