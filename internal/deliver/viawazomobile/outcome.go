package viawazomobile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// The protocols, as Wazo's log calls them.
const (
	protocolFCM  = "fcm"
	protocolAPNs = "apns"
)

// row is what Wazo's log says of a push that was answered, or was not.
type row struct {
	Success  bool            `json:"success"`
	Protocol string          `json:"protocol_used"`
	Response json.RawMessage `json:"full_response"`
	Error    string          `json:"error,omitempty"`
}

// failed is an attempt that no other one can mend.
func failed(text string) webhook.Outcome {
	return webhook.Outcome{Result: webhook.ResultRejected, Detail: oneLine(text), Extra: wazo.Detail(map[string]string{"error": text})}
}

// again is an attempt that could not be made for now.
func again(text string, ctx context.Context) webhook.Outcome {
	out := failed(text)
	out.Result, out.Timeout = webhook.ResultRetry, errors.Is(ctx.Err(), context.DeadlineExceeded)
	return out
}

// judge says what came of a push, of which out knows status or reason.
func judge(out webhook.Outcome, protocol string) webhook.Outcome {
	r := row{Success: out.Result == webhook.ResultDelivered, Protocol: protocol, Response: answered(out.ResponseBody)}
	switch {
	case r.Success && protocol == protocolFCM:
		r.Success = tookAll(out.ResponseBody)
	case !r.Success:
		r.Error = out.Detail
		if out.StatusCode >= 400 && out.StatusCode < 500 && out.StatusCode != http.StatusTooManyRequests {
			out.Result = webhook.ResultRejected // the phone, or the message, is refused
		}
	}
	out.Extra = wazo.Detail(r)
	return out
}

// answered is a response's body as the log shows it.
func answered(body []byte) json.RawMessage {
	if json.Valid(body) {
		return body
	}
	text, err := json.Marshal(strings.ToValidUTF8(string(body), "\ufffd"))
	if err != nil {
		return nil
	}
	return text
}

// tookAll says whether an answer in Firebase's old manner counts no failure.
func tookAll(body []byte) bool {
	var counts struct {
		Failure int `json:"failure"`
	}
	return json.Unmarshal(body, &counts) != nil || counts.Failure == 0
}

// maxDetail bounds a detail in bytes.
const maxDetail = 300

// oneLine keeps printable ASCII.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
	return fmt.Sprintf("%.*s", maxDetail, s)
}
