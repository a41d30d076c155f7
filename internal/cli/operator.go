package cli

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/server"
)

// operator are the flags of verbs for operators. They ask the running server; where
// none runs on this machine they do the same in its data directory.
type operator struct {
	remote
	Config      string   `env:"SWITCHHOOK_CONFIG" placeholder:"FILE" help:"Configuration file (YAML) of the server, for when it does not run."`
	Set         []string `sep:"none" placeholder:"KEY=VALUE" help:"Set one key of that configuration; repeatable."`
	DatabaseURL string   `name:"database-url" placeholder:"URL" help:"The same as --set database_url=URL."`
}

// operate asks for an operation and returns its answer. The path begins with the part
// that the operation belongs to: "/pywebhooks/import". body may be nil.
func (o *operator) operate(s *session, method, path string, body io.Reader) (answer json.RawMessage, err error) {
	here := settings{Config: o.Config, Set: o.Set, DataDir: o.DataDir, DatabaseURL: o.DatabaseURL}
	config, _, err := here.load(s)
	if err != nil {
		return nil, err
	}
	o.DataDir = config.DataDir
	c, err := o.connect()
	switch {
	case o.URL != "" && err != nil:
		return nil, err
	case err == nil && (o.URL != "" || c.Alive(s.ctx)):
		return c.Operate(s.ctx, method, path, body)
	}
	err = server.Operate(s.ctx, config, server.Options{}, func(operations http.Handler) error {
		answer, err = client.Within(operations).Operate(s.ctx, method, path, body)
		return err
	})
	return answer, err
}
