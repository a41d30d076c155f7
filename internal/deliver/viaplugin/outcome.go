package viaplugin

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/webhook"
	"github.com/switchhook/switchhook/plugin"
)

// What is kept of an answer.
const (
	maxReason = 200      // bytes of why it failed
	maxDetail = 64 << 10 // bytes of the detail
	maxWait   = 366 * 24 * time.Hour
)

// outcomeOf makes an outcome of an answer. An answer that makes no sense is an error.
func outcomeOf(a *plugin.Answer) (webhook.Outcome, error) {
	out := webhook.Outcome{}
	switch a.Result {
	case plugin.Delivered:
	case plugin.Retry:
		out.Result = webhook.ResultRetry
		if a.RetryAfter > 0 {
			out.RetryAfter = time.Duration(min(a.RetryAfter, maxWait.Seconds()) * float64(time.Second))
		}
	case plugin.Rejected:
		out.Result = webhook.ResultRejected
	default:
		return failed(webhook.ResultRetry, "the plug-in's answer makes no sense"), fmt.Errorf("the result %.40q is none", a.Result)
	}
	if out.Result != webhook.ResultDelivered {
		out.Detail = reason(a)
	}
	out.Extra = record(detailOf(a))
	return out, nil
}

// reason is one line of why it failed: what the plug-in says, or a text "error" in its detail.
func reason(a *plugin.Answer) string {
	text := a.Error
	if text == "" {
		var d struct{ Error any }
		_ = json.Unmarshal(a.Detail, &d)
		text, _ = d.Error.(string)
	}
	if text = line(text, maxReason); text != "" {
		return text
	}
	if a.Result == plugin.Rejected {
		return "the plug-in gave it up"
	}
	return "the plug-in wants to try again"
}

// detailOf is what is kept of a detail: an object.
func detailOf(a *plugin.Answer) json.RawMessage {
	switch d := a.Detail; {
	case len(d) > maxDetail:
		return object("error", fmt.Sprintf("the detail has %d bytes; at most %d are kept", len(d), maxDetail))
	case len(d) > 0 && d[0] == '{':
		return d
	case len(d) > 0 && string(d) != "null":
		return object("value", d)
	case a.Error != "":
		return object("error", line(a.Error, maxDetail/8))
	}
	return json.RawMessage("{}")
}

// failed is an outcome of our own making.
func failed(r webhook.Result, why string) webhook.Outcome {
	return webhook.Outcome{Result: r, Detail: why, Extra: record(object("error", why))}
}

// timedOut is the outcome of an attempt whose time is over.
func timedOut(why string) webhook.Outcome {
	out := failed(webhook.ResultRetry, why)
	out.Timeout = true
	return out
}

// record wraps a detail as dialects that show it look for it.
func record(detail json.RawMessage) []byte {
	return append(append([]byte(`{"detail":`), detail...), '}')
}

func object(key string, value any) json.RawMessage {
	return appendJSON(nil, map[string]any{key: value})
}

// line makes one line of at most so many bytes of any text.
func line(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	if text = strings.TrimRight(text, " "); len(text) <= most {
		return text
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}
