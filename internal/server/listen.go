package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/config"
)

// front is a listener with what it serves.
type front struct {
	name     string
	secure   bool // speaks TLS
	listener net.Listener
	server   *http.Server
}

// newFront binds an address; what it serves is set later. Clients that are slow to
// send or to read lose their connection.
func newFront(name, address string, certs *certificates, log *slog.Logger) (*front, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if certs != nil {
		s.TLSConfig = &tls.Config{GetCertificate: certs.get, MinVersion: tls.VersionTLS12}
	}
	return &front{name: name, secure: certs != nil, listener: l, server: s}, nil
}

// serve answers until shutdown.
func (f *front) serve() error {
	var err error
	if f.secure {
		err = f.server.ServeTLS(f.listener, "", "")
	} else {
		err = f.server.Serve(f.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", f.name, err)
}

// shutdown takes no new requests and lets those that are here end.
func (f *front) shutdown(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if f.server.Shutdown(ctx) != nil {
		_ = f.server.Close()
	}
}

// url is how the front is reached from this machine.
func (f *front) url() string {
	return urlOf(f.listener.Addr().String(), f.secure)
}

// urlOf makes a URL of an address to listen on. All addresses are reached on loopback.
func urlOf(address string, secure bool) string {
	host, port, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if secure {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// certificates reads a certificate, and reads it again when its file changed, so
// that a renewal needs no restart.
type certificates struct {
	config config.TLS
	log    *slog.Logger

	mu      sync.Mutex
	cert    *tls.Certificate
	changed time.Time // of the certificate's file
	looked  time.Time
}

const lookForCertificate = time.Minute

// newCertificates returns nil when there is no certificate.
func newCertificates(c config.TLS, log *slog.Logger) (*certificates, error) {
	if c.Cert == "" {
		return nil, nil
	}
	cs := &certificates{config: c, log: log}
	if err := cs.load(); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return cs, nil
}

func (c *certificates) load() error {
	info, err := os.Stat(c.config.Cert)
	if err != nil {
		return err
	}
	c.looked = time.Now()
	if c.cert != nil && info.ModTime().Equal(c.changed) {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(c.config.Cert, c.config.Key)
	if err != nil {
		return err
	}
	c.cert, c.changed = &cert, info.ModTime()
	return nil
}

func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > lookForCertificate {
		if err := c.load(); err != nil {
			c.log.Error("certificate cannot be read again, the old one stays", "error", err)
			c.looked = time.Now()
		}
	}
	return c.cert, nil
}
