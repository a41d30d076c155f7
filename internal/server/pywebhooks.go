package server

import (
	"context"

	"github.com/switchhook/switchhook/internal/api/pywebhooks"
	"github.com/switchhook/switchhook/internal/deliver/viapywebhooks"
)

// pywebhooks makes the dialect of PyWebhooks.
func (s *Server) pywebhooks() (*dialect, error) {
	c := s.config.Dialects.PyWebhooks
	api, err := pywebhooks.New(pywebhooks.Options{
		Control: s.control, Intake: s.ingest, Logger: s.log,
		Service: viapywebhooks.Name, EventAttribute: viapywebhooks.EventAttribute,
		Sender: s.sender, CheckURL: s.dialer.CheckURL, UserAgent: s.userAgent(),
		Policy: pywebhooks.Policy{
			RequestTimeout: c.RequestTimeout, Retry: c.DefaultRetry, FinalRetry: c.DefaultFinalRetry, MaxFailedCount: c.MaxFailedCount,
			InsecureTLS: c.InsecureTLS,
		},
		ResetRate: c.ResetRate, LoginRate: c.LoginRate, BodyLimit: int64(s.config.Limits.Body),
	})
	if err != nil {
		return nil, err
	}
	return &dialect{
		name: "pywebhooks", prefix: pywebhooks.Prefix, listen: c.Listen, handler: api.Handler(), operations: api.Operations(),
		first: func(ctx context.Context) (Block, error) {
			admin, err := api.Begin(ctx)
			if admin == nil || err != nil {
				return nil, err
			}
			return Block{{"username", admin.Username}, {"api_key", admin.APIKey}, {"secret_key", admin.SecretKey}}, nil
		},
	}, nil
}
