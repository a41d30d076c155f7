package config

import (
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Kazoo is the dialect of Kazoo's webhooks.
type Kazoo struct {
	Enabled   bool           `key:"enabled" doc:"Serve the webhooks API of Kazoo below /v2."`
	Listen    string         `key:"listen" doc:"Address of a listener with this API alone; the original's port is 8000. Empty: on the main listener only."`
	AMQPURL   webhook.Secret `key:"amqp_url" mask:"url" doc:"RabbitMQ of the Kazoo cluster, whose events are taken in: amqp://user:password@host/. Empty: none."`
	AMQPQueue string         `key:"amqp_queue" doc:"Durable queue in it where events wait. Installations that share a RabbitMQ need one each; nodes of one share it."`

	AttemptFailureExpiry time.Duration `key:"attempt_failure_expiry" min:"1ms" max:"24h" doc:"Time within which failures of a hook count."`
	AttemptFailureCount  int           `key:"attempt_failure_count" min:"1" max:"1000" doc:"Failures within that time that disable a hook."`
	DisableDisabler      bool          `key:"disable_disabler" doc:"Never disable a hook that fails."`
	LogSuccessful        bool          `key:"log_successful_attempts" doc:"Show attempts that succeeded, too."`

	ConnectTimeout time.Duration `key:"connect_timeout" min:"100ms" max:"60s" doc:"Longest time for connecting to a hook's server."`
	RequestTimeout time.Duration `key:"request_timeout" min:"100ms" max:"60s" doc:"Longest time for its answer after that."`
	RetryDelay     time.Duration `key:"retry_delay" min:"1ms" doc:"Wait before another attempt after a connection failed."`

	InsecureTLS bool `key:"insecure_tls" doc:"Do not verify the certificates of hooks' servers, as Kazoo never did."`

	ObjectTypes    []string `key:"object_types" doc:"Document types that hooks of type object can choose. Empty: those of Kazoo."`
	BlacklistCIDRs []string `key:"blacklist_cidrs" doc:"Addresses that a hook's URI may not name."`
	BlacklistHosts []string `key:"blacklist_hosts" doc:"Host names that a hook's URI may not name."`

	TokenLifetime time.Duration `key:"token_lifetime" min:"1s" doc:"How long an auth token is valid."`
	HookTypesDir  string        `key:"hook_types_dir" doc:"Directory of hook types in YAML, one a file. Empty: the built-in ones alone."`
}

func defaultKazoo() Kazoo {
	return Kazoo{
		Enabled: true, AMQPQueue: "switchhook_webhooks", AttemptFailureExpiry: time.Minute, AttemptFailureCount: 6,
		ConnectTimeout: 10 * time.Second, RequestTimeout: 10 * time.Second, RetryDelay: 2 * time.Second,
		BlacklistCIDRs: []string{"127.0.0.1/32", "0.0.0.0/32"}, BlacklistHosts: []string{"localhost"},
		TokenLifetime: time.Hour,
	}
}

func (k *checker) kazoo(z *Kazoo) {
	k.ownListener("dialects.kazoo.listen", z.Listen)
	k.amqp("dialects.kazoo.amqp_url", z.AMQPURL)
	k.add("dialects.kazoo.amqp_queue", z.AMQPQueue == "", "must not be empty")
}
