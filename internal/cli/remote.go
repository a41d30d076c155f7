package cli

import (
	"os"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/server"
)

// remote are the flags of verbs that talk to a running server.
type remote struct {
	URL     string `env:"SWITCHHOOK_URL" placeholder:"URL" help:"Base URL of the server. Without it: the server on this machine, from its data directory."`
	APIKey  string `name:"api-key" env:"SWITCHHOOK_API_KEY" placeholder:"KEY" help:"API key. Without it: the one in the data directory."`
	DataDir string `placeholder:"DIR" help:"Data directory of the server on this machine. Without it: as SWITCHHOOK_DATA_DIR or SWITCHHOOK_CONFIG say, or ./data."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// connect returns a client for the server that the flags name. The key kept on
// this machine is used for this machine's server alone.
func (r *remote) connect() (*client.Client, error) {
	url, key := r.URL, r.APIKey
	if url == "" || key == "" {
		local, err := r.local()
		if err != nil && url == "" {
			return nil, usagef("no server given: %w; use --url and --api-key, or --data-dir on the server's machine", err)
		}
		if url == "" {
			url = local.URL
		}
		if key == "" && url == local.URL {
			key = local.APIKey
		}
	}
	c, err := client.New(url, key)
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

// local reads what the server on this machine left in its data directory.
func (r *remote) local() (server.Local, error) {
	here := settings{Config: os.Getenv(config.EnvPrefix + "CONFIG"), DataDir: r.DataDir}
	c, _, err := here.read()
	if err != nil {
		return server.Local{}, err
	}
	return server.ReadLocal(c.DataDir)
}
