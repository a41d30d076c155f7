package server

import (
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/webhook"
)

// wazoSettings shows the configuration under the names that wazo-webhookd has for it.
// What Switchhook has no use for is there as it is when nothing is configured.
type wazoSettings struct {
	config   *config.Config
	services map[string]string

	mu    sync.Mutex
	level *slog.LevelVar
	usual slog.Level // of the configuration
	debug bool
}

// SetDebug switches the log's debug level on, or back to the level that is configured.
func (w *wazoSettings) SetDebug(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.debug = on
	if on {
		w.level.Set(slog.LevelDebug)
	} else {
		w.level.Set(w.usual)
	}
}

// masked stands for a secret.
const masked = "**********"

// Show returns the configuration without its secrets.
func (w *wazoSettings) Show(master string) map[string]any {
	w.mu.Lock()
	debug, level := w.debug, w.level.Level()
	w.mu.Unlock()
	c := &w.config.Dialects.Wazo
	on := map[string]bool{}
	for name := range w.services {
		on[name] = true
	}
	plugins := map[string]bool{}
	for _, name := range []string{"api", "config", "mobile", "services", "status", "subscriptions"} {
		plugins[name] = true
	}
	uuid := c.UUID
	if uuid == "" && c.Auth.Host == "" {
		uuid = master // which is the root account
	}
	return map[string]any{
		"uuid": orNull(uuid), "debug": debug, "log_level": pythonLevel(level), "log_file": "", "user": "",
		"config_file": "", "extra_config_files": "", "db_uri": masked,
		"auth": w.auth(master), "bus": w.bus(), "rest_api": w.restAPI(),
		"consul": map[string]any{"scheme": "http", "port": 8500},
		"service_discovery": map[string]any{
			"enabled": false, "advertise_address": "auto", "advertise_address_interface": "eth0", "advertise_port": 9300,
			"ttl_interval": 30, "refresh_interval": 27, "retry_interval": 2, "extra_tags": []string{},
		},
		"enabled_celery_tasks": map[string]bool{"subscription": true, "mobile": true},
		"enabled_plugins":      plugins, "enabled_services": on,
		"mobile_fcm_notification_end_point": c.FCMEndpoint, "mobile_apns_host": c.APNsHost, "mobile_apns_port": c.APNsPort,
		"mobile_apns_call_topic": c.APNsCallTopic, "mobile_apns_default_topic": c.APNsDefaultTopic,
		"hook_max_attempts": c.MaxAttempts, "hook_http_retry_countdown_factor": c.CountdownFactor,
	}
}

func (w *wazoSettings) auth(master string) map[string]any {
	a := &w.config.Dialects.Wazo.Auth
	return map[string]any{
		"host": orNull(a.Host), "port": a.Port, "prefix": orNull(a.Prefix), "https": a.HTTPS, "key_file": orNull(a.KeyFile),
		"username": orNull(a.Username), "password": mask(a.Password), "master_tenant_uuid": master,
	}
}

func (w *wazoSettings) bus() map[string]any {
	c := &w.config.Dialects.Wazo
	b := map[string]any{
		"username": nil, "password": mask(c.AMQPURL), "host": nil, "port": nil,
		"exchange_name": c.ExchangeName, "exchange_type": "headers",
	}
	if u, err := url.Parse(c.AMQPURL.Reveal()); err == nil && u.Host != "" {
		b["host"], b["username"] = u.Hostname(), orNull(u.User.Username())
		b["port"] = portOr(u.Port(), map[string]int{"amqps": 5671}[u.Scheme], 5672)
	}
	return b
}

func (w *wazoSettings) restAPI() map[string]any {
	c := &w.config.Dialects.Wazo
	listen := c.Listen
	if listen == "" {
		listen = w.config.Listen
	}
	host, port, _ := net.SplitHostPort(listen) // which was checked
	return map[string]any{
		"listen": host, "port": portOr(port), "certificate": nil, "private_key": nil, "max_threads": 10,
		"cors": map[string]any{"enabled": c.CORS.Enabled, "allow_headers": c.CORS.AllowHeaders},
	}
}

// portOr reads a port; the first of the others that is not 0 stands in for none.
func portOr(text string, others ...int) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	for _, n := range others {
		if n != 0 {
			return n
		}
	}
	return 0
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func mask(s webhook.Secret) any {
	if s == "" {
		return nil
	}
	return masked
}

// pythonLevel is what Python calls a level.
func pythonLevel(l slog.Level) int {
	switch {
	case l < slog.LevelInfo:
		return 10
	case l < slog.LevelWarn:
		return 20
	case l < slog.LevelError:
		return 30
	}
	return 40
}
