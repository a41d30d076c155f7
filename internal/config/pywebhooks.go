package config

import "time"

// PyWebhooks is the dialect of PyWebhooks.
type PyWebhooks struct {
	Enabled           bool          `key:"enabled" doc:"Serve the API of PyWebhooks below /v1."`
	Listen            string        `key:"listen" doc:"Address of a listener with this API alone; the original's port is 8081. Empty: on the main listener only."`
	RequestTimeout    time.Duration `key:"request_timeout" min:"100ms" max:"60s" doc:"Deadline of a delivery, and of the requests that prove endpoints and carry keys to them."`
	DefaultRetry      time.Duration `key:"default_retry" min:"1ms" max:"24h" doc:"Wait before the second and the third attempt."`
	DefaultFinalRetry time.Duration `key:"default_final_retry" min:"1ms" max:"96h" doc:"Wait before the fourth and last attempt."`
	MaxFailedCount    int           `key:"max_failed_count" min:"1" max:"1000000000" doc:"Failures in a row beyond which an account's endpoint gets nothing new until it is updated."`
	ResetRate         int           `key:"reset_rate" min:"0" max:"100000" doc:"Resets of keys in a minute, for each username and for each address. 0: any number."`
	InsecureTLS       bool          `key:"insecure_tls" doc:"Do not verify the certificates of endpoints, as PyWebhooks never did."`
	LoginRate         int           `key:"login_rate" min:"0" max:"100000" doc:"Failed logins in a minute, for each address, that are told what was wrong. 0: any number."`
}

func defaultPyWebhooks() PyWebhooks {
	return PyWebhooks{
		Enabled: true, RequestTimeout: 5 * time.Second,
		DefaultRetry: 2 * time.Minute, DefaultFinalRetry: time.Hour, MaxFailedCount: 250,
		ResetRate: 60, LoginRate: 300,
	}
}

func (k *checker) pywebhooks(p *PyWebhooks) { k.ownListener("dialects.pywebhooks.listen", p.Listen) }
