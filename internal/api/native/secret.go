package native

import (
	"net/http"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

type secretOut struct {
	Key string `json:"key"`
}

// getSecret shows what receivers verify with: of an asymmetric key the public half.
func (a *API) getSecret(c *call) error {
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	key, err := a.Control.VerificationKey(&e.Endpoint)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, secretOut{key})
}

func readRotation(body []byte) (control.Rotation, error) {
	r := control.Rotation{Grace: control.DefaultGrace}
	o := httpx.ReadObject(body)
	for name, v := range o.Members {
		if v.IsNull() {
			continue
		}
		switch string(name) {
		case "key":
			r.Key = webhook.Secret(v.Line())
		case "gracePeriodSeconds":
			r.Grace = time.Duration(v.Int(0, int(control.MaxGrace/time.Second))) * time.Second
		default:
			v.Unknown()
		}
	}
	return r, o.Err()
}

func (a *API) rotateSecret(c *call) error {
	body, err := a.optionalBody(c)
	if err != nil {
		return err
	}
	r, err := readRotation(body)
	if err != nil {
		return err
	}
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	if _, err := a.Control.RotateKey(c.ctx(), e.ID, r); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
