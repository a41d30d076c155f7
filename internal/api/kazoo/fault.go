package kazoo

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// refusal is an error as the wire spells it.
type refusal struct {
	status  int
	message string
	data    any
	bare    bool // no body at all
	retry   time.Duration
}

// Error spells the status and the message.
func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.message) }

// saying is the data of most errors.
type saying struct {
	Message string `json:"message"`
	Cause   string `json:"cause,omitempty"`
}

// system makes an error of the first family: an identifier with underscores, and a
// sentence in data.
func system(status int, message, sentence string) *refusal {
	return &refusal{status: status, message: message, data: saying{Message: sentence}}
}

func invalidCredentials() *refusal {
	return system(http.StatusUnauthorized, "invalid_credentials", "invalid credentials")
}

// expiredCredentials is the spelling for a token whose time is over.
func expiredCredentials() *refusal {
	return &refusal{status: http.StatusUnauthorized, message: "invalid credentials", data: struct{}{}}
}

func forbidden() *refusal { return system(http.StatusForbidden, "forbidden", "forbidden") }

// badIdentifier says that there is no document of this id.
func badIdentifier(name string) *refusal {
	return &refusal{status: http.StatusNotFound, message: "bad_identifier", data: saying{"bad identifier", name}}
}

// badName is the spelling for samples and keys.
func badName(name string) *refusal {
	return &refusal{status: http.StatusNotFound, message: "bad identifier", data: []string{name}}
}

// badAccount says that a path does not name an account.
func badAccount(text string) *refusal {
	sentence := "missing account_id"
	if text != "" {
		sentence = fmt.Sprintf("invalid account_id '%s'", text)
	}
	return system(http.StatusNotFound, "bad identifier", sentence)
}

func noSuchPath() *refusal { return system(http.StatusNotFound, "not_found", "not found") }

func faultyRequest(sentence string) *refusal {
	return system(http.StatusNotFound, "faulty_request", sentence)
}

func invalidMethod() *refusal {
	return system(http.StatusMethodNotAllowed, "invalid_method", "method not allowed")
}

func conflict() *refusal {
	return system(http.StatusConflict, "datastore_conflict", "conflicting documents")
}

func tooMany(retry time.Duration) *refusal {
	r := system(http.StatusTooManyRequests, "too_many_requests", "too many requests")
	r.retry = retry
	return r
}

// bare answers with a status and nothing else.
func bare(status int) *refusal {
	return &refusal{status: status, message: http.StatusText(status), bare: true}
}

// faults are what is wrong with a document: a field's path to the rules that it breaks,
// each with its facts.
type faults map[string]map[string]map[string]any

// maxFaults bounds the fields that are told of.
const maxFaults = 100

// add notes that a field breaks a rule. Facts are names and values in turn.
func (f faults) add(path []string, rule, message string, facts ...any) {
	if len(f) == maxFaults {
		return
	}
	escaped := make([]string, len(path))
	for i, part := range path {
		escaped[i] = strings.ReplaceAll(part, ".", "%2E")
	}
	field := strings.Join(escaped, ".")
	if f[field] == nil {
		f[field] = map[string]map[string]any{}
	}
	fact := map[string]any{"message": message}
	for i := 0; i+1 < len(facts); i += 2 {
		fact[facts[i].(string)] = facts[i+1]
	}
	f[field][rule] = fact
}

// err is nil where nothing is wrong.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &refusal{status: http.StatusBadRequest, message: "validation error", data: f}
}

// fault makes the error of one field.
func fault(field, rule, message string, facts ...any) error {
	f := faults{}
	f.add([]string{field}, rule, message, facts...)
	return f.err()
}

// refusalOf says how an error is answered; nil when it is ours and not the caller's.
func refusalOf(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	e, ok := asError(err)
	if !ok {
		return nil
	}
	switch e.Code {
	case webhook.CodeInvalid:
		field := e.Field
		if field == "" {
			field = "data"
		}
		return refusalOf(fault(field, "invalid", e.Message))
	case webhook.CodeUnauthorized:
		return invalidCredentials()
	case webhook.CodeForbidden:
		return forbidden()
	case webhook.CodeNotFound:
		return &refusal{status: http.StatusNotFound, message: "bad_identifier", data: saying{Message: "bad identifier"}}
	case webhook.CodeConflict:
		return conflict()
	case webhook.CodeTooLarge:
		return system(http.StatusRequestEntityTooLarge, "request_entity_too_large", e.Message)
	case webhook.CodeLimit:
		return fault("limit", "maximum", e.Message).(*refusal)
	case webhook.CodeBusy:
		return tooMany(e.RetryAfter)
	case webhook.CodeUnavailable:
		r := system(http.StatusServiceUnavailable, "datastore_unreachable", "the data store is unreachable for now")
		r.retry = e.RetryAfter
		return r
	}
	return nil
}

func asError(err error) (*webhook.Error, bool) { return errors.AsType[*webhook.Error](err) }

// unspecified is how an error that is ours is answered.
func unspecified() *refusal {
	return system(http.StatusInternalServerError, "unspecified_fault", "unspecified fault")
}
