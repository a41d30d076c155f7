package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/render/py"
	"github.com/switchhook/switchhook/internal/webhook"
)

// A callflow may carry a hook of its own in its message. What it says of where and how
// to deliver gets an endpoint that is kept, so that the delivery is as durable as any
// other; the next message with the same finds it. No list of the dialect shows it, and
// nothing disables it.

// attributeOneOff is the attribute of such an event that leads to its endpoint.
const attributeOneOff = "one_off"

// oneOff is what a document says of where and how.
type oneOff struct {
	ID         string          `json:"_id"`
	Account    string          `json:"pvt_account_id"`
	URI        string          `json:"uri"`
	Verb       string          `json:"http_verb"`
	Format     string          `json:"format"`
	Retries    *int            `json:"retries"`
	CustomData json.RawMessage `json:"custom_data"`
}

// prepare directs e at the endpoint that a document describes, and makes the endpoint
// when there is none. An error with CodeInvalid says that it can never be one.
func (k *Intake) prepare(ctx context.Context, document *py.Dict, e *webhook.Event, wanted func() bool) error {
	raw, err := render.JSON(document)
	if err != nil {
		return webhook.Errorf(webhook.CodeInvalid, "hook", "%v", err)
	}
	var h oneOff
	if err := json.Unmarshal(raw, &h); err != nil {
		return webhook.Errorf(webhook.CodeInvalid, "hook", "is not the document of a hook")
	}
	name := h.ID
	h.ID = ""
	same, err := json.Marshal(h)
	if err != nil {
		return webhook.Errorf(webhook.CodeInvalid, "hook", "%v", err)
	}
	sum := sha256.Sum256(same)
	key := hex.EncodeToString(sum[:16])
	e.Attributes = map[string]string{attributeOneOff: key, hook.AttributeID: name}
	if wanted() {
		return nil
	}
	made, err := h.endpoint(k, key)
	if err != nil {
		return err
	}
	made.Endpoint.AccountID = e.AccountID
	_, _, err = k.o.Endpoints.CreateEndpoint(ctx, made)
	if webhook.CodeOf(err) != webhook.CodeConflict {
		return err
	}
	there, err := k.o.Endpoints.FindEndpoint(ctx, e.AccountID, id.ID{}, made.Endpoint.UID)
	if err == nil && there.Enabled && len(there.Subscriptions) > 0 { // another node made it, and this one is about to hear of it
		return webhook.Errorf(webhook.CodeUnavailable, "", "the hook is being made")
	}
	return err // somebody switched it off
}

// endpoint is what is kept of a document.
func (h *oneOff) endpoint(k *Intake, key string) (control.NewEndpoint, error) {
	config, err := hook.Config{Hook: "notifications", Verb: h.Verb, Format: h.Format, CustomData: h.CustomData}.Raw()
	if err != nil {
		return control.NewEndpoint{}, webhook.Errorf(webhook.CodeInvalid, "hook", "%v", err)
	}
	retries := hook.DefaultRetries
	if h.Retries != nil {
		retries = *h.Retries
	}
	return control.NewEndpoint{
		Endpoint: webhook.Endpoint{
			UID: "kazoo-one-off-" + key, Description: "Requests of a callflow", Service: hook.Service, URL: h.URI,
			Config: config, Enabled: true, Retry: hook.Retry(retries, k.o.RetryDelay), Health: hook.Health(0, 0),
		},
		Subscriptions: []webhook.Subscription{{Enabled: true, Filter: webhook.Filter{
			Types: []string{hooktype.TypeOneOff}, Attributes: map[string]string{attributeOneOff: key},
		}}},
	}, nil
}
