package cli

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/sign"
)

type verifyVerb struct {
	Secret    []string `required:"" help:"Secret (whsec_…) or public key (whpk_…) of the endpoint; repeatable." env:"SWITCHHOOK_WEBHOOK_SECRET"`
	ID        string   `name:"id" required:"" help:"Value of the webhook-id header."`
	Timestamp string   `required:"" help:"Value of the webhook-timestamp header."`
	Signature string   `required:"" help:"Value of the webhook-signature header."`
	Tolerance string   `default:"5m" help:"How far the timestamp may be off; 0 looks at no time."`
	JSON      bool     `name:"json" help:"Print JSON."`
}

// Run verifies the signature of the body on standard input.
func (v *verifyVerb) Run(s *session) error {
	tolerance, err := config.ParseDuration(v.Tolerance)
	if err != nil {
		return usagef("--tolerance: %w", err)
	}
	if tolerance == 0 {
		tolerance = math.MaxInt64
	}
	body, err := io.ReadAll(s.in)
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	h := sign.Headers{ID: v.ID, Timestamp: v.Timestamp, Signature: v.Signature}
	if err := sign.Verify(v.Secret, h, body, time.Now(), tolerance); err != nil {
		return err
	}
	if v.JSON {
		return printValue(s.out, map[string]bool{"valid": true})
	}
	_, err = fmt.Fprintln(s.out, "Valid.")
	return err
}
