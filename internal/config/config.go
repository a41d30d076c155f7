// Package config is what an operator can say: one struct with its defaults, and
// the layers that fill it in: a YAML file, the environment, flags. It checks values
// and names the key that is wrong. It starts nothing and holds no state: the server
// reads the struct once.
//
// A dialect or service that wants a block of its own declares it as one struct in
// one file of this package, with a field in Dialects, and a check method where
// values depend on one another. Everything else (keys, environment, printing,
// documentation) follows from the struct.
package config

import (
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/retry"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Config is the whole configuration. The tag key is a field's name in files, with
// dots between the levels; doc says what it does; min and max bound it.
type Config struct {
	Listen      string         `key:"listen" doc:"Address of the main listener."`
	DataDir     string         `key:"data_dir" doc:"Directory of the database, the secret key and the local credentials."`
	DatabaseURL webhook.Secret `key:"database_url" mask:"url" doc:"PostgreSQL to use: postgres://user:password@host/name. Empty: SQLite in data_dir."`
	PublicURL   string         `key:"public_url" doc:"How the main listener is reached from outside, for links. Empty: made from listen."`

	SecretKey     webhook.Secret `key:"secret_key" mask:"all" doc:"Key that encrypts secrets at rest: the base64 or hex of 32 random bytes. Empty: secret_key_file."`
	SecretKeyFile string         `key:"secret_key_file" doc:"File with that key. Empty: secret.key in data_dir, made on first start."`

	PluginsDir string `key:"plugins_dir" doc:"Directory of the plug-ins: one directory with a plugin.yaml each. Empty: no plug-ins."`

	TLS       TLS       `key:"tls"`
	Egress    Egress    `key:"egress"`
	Delivery  Delivery  `key:"delivery"`
	Retention Retention `key:"retention"`
	Limits    Limits    `key:"limits"`
	Cluster   Cluster   `key:"cluster"`
	Log       Log       `key:"log"`
	Metrics   Metrics   `key:"metrics"`
	Native    Native    `key:"native"`
	Dialects  Dialects  `key:"dialects"`
}

// TLS secures the main listener. Both or none.
type TLS struct {
	Cert string `key:"cert" doc:"PEM file with the certificate chain of the main listener. Empty: plain HTTP."`
	Key  string `key:"key" doc:"PEM file with its private key."`
}

// Egress says what deliveries may reach.
type Egress struct {
	Allow          []string       `key:"allow" doc:"What may be reached beside the public internet: prefixes, addresses, loopback, private, or * for everything."`
	HTTPSOnly      bool           `key:"https_only" doc:"Refuse endpoints with http URLs."`
	Proxy          webhook.Secret `key:"proxy" mask:"url" doc:"Proxy for all deliveries: http, https or socks5 URL."`
	NoProxy        []string       `key:"no_proxy" doc:"Hosts, domains and networks that are reached without the proxy."`
	ProxyResolves  bool           `key:"proxy_resolves" doc:"Leave resolving names, and keeping them from leading inside, to the proxy."`
	ConnectTimeout time.Duration  `key:"connect_timeout" min:"100ms" max:"60s" doc:"Longest time for connecting, resolving included."`
}

// Delivery is how deliveries are made where an endpoint says nothing else.
type Delivery struct {
	Timeout       time.Duration   `key:"timeout" min:"1s" max:"60s" doc:"Deadline over the whole exchange with a receiver."`
	UserAgent     string          `key:"user_agent" doc:"User-Agent header. Empty: Switchhook/ and the version."`
	RetrySchedule []time.Duration `key:"retry_schedule" doc:"Waits before the second, third, … attempt; each varies by a fifth either way."`
	SvixHeaders   bool            `key:"svix_headers" doc:"Send svix-id, svix-timestamp and svix-signature, too."`
	Asymmetric    bool            `key:"asymmetric_keys" doc:"Make fresh signing keys ed25519 pairs, of which receivers get the public half, instead of shared secrets."`
}

// Retention says how long history is kept.
type Retention struct {
	Payload  time.Duration `key:"payload" doc:"How long payloads are kept. 0: as long as their events."`
	Attempts time.Duration `key:"attempts" doc:"How long events, deliveries and attempts are kept. 0: for ever."`
}

// Limits bound what the server takes on.
type Limits struct {
	Body        Size          `key:"body" min:"1KiB" max:"64MiB" doc:"Largest request body, but for batches."`
	BatchBody   Size          `key:"batch_body" min:"1KiB" max:"256MiB" doc:"Largest request body of a batch of events."`
	Bodies      Size          `key:"bodies" min:"1MiB" doc:"What request bodies take together, but for the first 64 KiB of each; others wait for them up to 5 s, and are then refused with 429."`
	Payload     Size          `key:"payload" min:"1KiB" max:"64MiB" doc:"Largest payload of an event."`
	BatchEvents int           `key:"batch_events" min:"1" max:"10000" doc:"Events in one batch."`
	Queue       int           `key:"queue" min:"100" doc:"Events, deliveries and results that wait to be written; beyond it new events are refused with 429, or 503 while the database is away."`
	QueueBytes  Size          `key:"queue_bytes" min:"1MiB" doc:"Size of the payloads that wait to be written."`
	Pending     int           `key:"pending" min:"100" doc:"Deliveries that healthy endpoints may be behind; beyond it new events are refused with 429. What dead or slow endpoints have waiting does not count."`
	Lane        int           `key:"lane" min:"1" max:"100000" doc:"Deliveries held in memory for one endpoint that is slow or not well; the rest waits in the database. One that receives promptly holds up to twice limits.pending."`
	LaneBytes   Size          `key:"lane_bytes" min:"1MiB" doc:"Size of the deliveries held in memory for all endpoints; half of it is for those that receive promptly."`
	InFlight    int           `key:"in_flight" min:"1" doc:"Attempts at the same time, of all endpoints."`
	Endpoint    int           `key:"in_flight_per_endpoint" min:"1" doc:"Attempts at the same time, of one endpoint that sets no limit of its own."`
	Drain       time.Duration `key:"drain" max:"10m" doc:"How long attempts in flight may go on after a request to stop."`
	Memory      Size          `key:"memory" doc:"Memory that the garbage collector tries to stay below. 0: GOMEMLIMIT, or no limit."`
	Connections int           `key:"database_connections" min:"4" max:"1000" doc:"Connections to PostgreSQL."`
}

// Cluster is how nodes on one PostgreSQL notice one another.
type Cluster struct {
	Node  string        `key:"node" doc:"Name of this node in logs. Empty: the host name."`
	Roles []string      `key:"roles" doc:"What this node does: api answers requests, deliver sends, bus listens to message buses. On SQLite all of them."`
	Lease time.Duration `key:"lease" min:"3s" max:"10m" doc:"Within this time the others go on with the work of a node that died."`
	Poll  time.Duration `key:"poll" min:"10ms" max:"1m" doc:"How often changes made on other nodes are looked for that nobody told of."`
}

// The roles of a node.
const (
	RoleAPI     = "api"
	RoleDeliver = "deliver"
	RoleBus     = "bus"
)

// Has says whether the node has the role.
func (c Cluster) Has(role string) bool { return slices.Contains(c.Roles, role) }

// Log is what is logged on standard error.
type Log struct {
	Level  string `key:"level" doc:"debug, info, warn or error."`
	Format string `key:"format" doc:"text or json."`
}

// Metrics is where metrics are served.
type Metrics struct {
	Listen string `key:"listen" doc:"Address of a listener for /metrics and /health alone. Empty: on the main listener."`
}

// Native is the native API.
type Native struct {
	JWTSecret webhook.Secret `key:"jwt_secret" mask:"all" doc:"Accept tokens (HS256 JWT) signed with this secret, to take over a Svix server's callers."`
}

// Dialects hold one block for each dialect that can be switched on beside the
// native API.
type Dialects struct {
	PyWebhooks PyWebhooks `key:"pywebhooks"`
	Kazoo      Kazoo      `key:"kazoo"`
	Wazo       Wazo       `key:"wazo"`
}

// Default returns the configuration that holds when nothing is said.
func Default() *Config {
	return &Config{
		Listen:  "127.0.0.1:8080",
		DataDir: "./data",
		Egress:  Egress{ConnectTimeout: 10 * time.Second},
		Delivery: Delivery{
			Timeout:       15 * time.Second,
			RetrySchedule: retry.Native().Schedule,
		},
		Retention: Retention{Payload: 30 * day, Attempts: 32 * day}, // of attempts, what Kazoo lists: 31 days
		Limits: Limits{
			Body:        2 * MiB,
			BatchBody:   16 * MiB,
			Bodies:      128 * MiB,
			Payload:     2 * MiB,
			BatchEvents: 1000,
			Queue:       20_000,
			QueueBytes:  64 * MiB,
			Pending:     20_000,
			Lane:        256,
			LaneBytes:   64 * MiB,
			InFlight:    4096,
			Endpoint:    64,
			Drain:       20 * time.Second,
			Connections: 16,
		},
		Cluster: Cluster{Roles: []string{RoleAPI, RoleDeliver, RoleBus}, Lease: 15 * time.Second, Poll: 250 * time.Millisecond},
		Log:     Log{Level: "info", Format: "text"},
		Dialects: Dialects{
			PyWebhooks: defaultPyWebhooks(),
			Kazoo:      defaultKazoo(),
			Wazo:       defaultWazo(),
		},
	}
}
