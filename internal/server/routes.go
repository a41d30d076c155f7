package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/switchhook/switchhook/internal/api/operator"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/telemetry"
	"github.com/switchhook/switchhook/openapi"
)

// bind binds the listeners and leaves word of them in the data directory.
func (s *Server) bind(context.Context) error {
	certs, err := newCertificates(s.config.TLS, s.log)
	if err != nil {
		return err
	}
	main, err := s.open("listen", s.config.Listen, certs)
	if err != nil {
		return err
	}
	s.health = &health{ping: s.store.Ping, log: s.log}
	if main.server.Handler, err = s.mainHandler(); err != nil {
		return err
	}
	if a := s.config.Metrics.Listen; a != "" {
		f, err := s.open("metrics.listen", a, nil)
		if err != nil {
			return err
		}
		f.server.Handler = s.watched(http.NewServeMux())
	}
	if err := s.bindDialects(); err != nil {
		return err
	}
	return s.leaveWord()
}

func (s *Server) open(name, address string, certs *certificates) (*front, error) {
	f, err := newFront(name, address, certs, s.log)
	if err != nil {
		return nil, err
	}
	f.server.BaseContext = func(net.Listener) context.Context { return s.bodies.Within(context.Background()) }
	s.fronts = append(s.fronts, f)
	s.closers = append(s.closers, func() error {
		_ = f.listener.Close() // closed already when it was served
		return nil
	})
	return f, nil
}

// leaveWord lets the verbs of this machine find this server.
func (s *Server) leaveWord() error {
	l, err := ReadLocal(s.config.DataDir)
	if err != nil {
		l = Local{} // the first start, or a file that somebody broke
	}
	l.URL, l.PID = s.URL(), os.Getpid()
	if key := s.made.RootAPIKey; key != "" {
		l.APIKey = key
	}
	if err := l.write(s.config.DataDir); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

// mainHandler is everything that the main listener serves. Requests below an API's
// prefix, however many slashes are in it, go straight there: a mux in between would
// clean their paths by redirects.
func (s *Server) mainHandler() (http.Handler, error) {
	apis, err := s.apis()
	if err != nil {
		return nil, err
	}
	rest := http.NewServeMux()
	greeting := s.greeting(apis)
	rest.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, greeting) })
	rest.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(openapi.YAML)
	})
	if s.config.Metrics.Listen == "" {
		s.watched(rest)
	} else {
		s.healthOn(rest)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := httpx.Clean(r.URL.Path)
		for _, a := range apis {
			if path == a.prefix || strings.HasPrefix(path, a.prefix+"/") {
				a.handler.ServeHTTP(w, r)
				return
			}
		}
		rest.ServeHTTP(w, r)
	}), nil
}

// watched adds what tells how the server is.
func (s *Server) watched(mux *http.ServeMux) *http.ServeMux {
	s.healthOn(mux)
	mux.Handle("GET /metrics", s.metrics.Handler())
	return mux
}

func (s *Server) healthOn(mux *http.ServeMux) {
	mux.HandleFunc("GET /health/live", s.health.live)
	mux.HandleFunc("GET /health/ready", s.health.ready)
}

// greeting says what is served where on the main listener.
func (s *Server) greeting(apis []below) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Switchhook %s\n\n", telemetry.Version())
	for _, a := range apis {
		if a.prefix != operator.Prefix {
			fmt.Fprintf(&b, "%-10s %s\n", a.name, a.prefix)
		}
	}
	b.WriteString("Contract   /openapi.yaml\nHealth     /health/live /health/ready")
	if s.config.Metrics.Listen == "" {
		b.WriteString("\nMetrics    /metrics")
	}
	return b.String()
}
