package webhook

import (
	"errors"
	"fmt"
	"time"
)

// Code classes an error by what the caller can do about it. Each dialect owns one
// table from Code to its own status and body.
type Code string

// The codes. There are no others.
const (
	CodeInvalid      Code = "invalid"      // the request is wrong; Field says where
	CodeUnauthorized Code = "unauthorized" // no credential, or one that proves nothing
	CodeForbidden    Code = "forbidden"    // a credential that does not reach that far
	CodeNotFound     Code = "not_found"    // no such thing, or not visible to the caller
	CodeConflict     Code = "conflict"     // a unique name is taken, or a key was used with another body
	CodeTooLarge     Code = "too_large"    // over a size limit
	CodeLimit        Code = "limit"        // over a count limit of this thing
	CodeBusy         Code = "busy"         // too much just now; try again after RetryAfter
	CodeUnavailable  Code = "unavailable"  // we cannot, for now: database gone, disk full, draining
)

// Error is what a caller did wrong or has to wait for. Anything else that comes
// back as an error means that Switchhook itself is broken.
type Error struct {
	Code       Code
	Field      string // path of the offending field, dots between levels; may be empty
	Message    string // one plain sentence, safe to show to the caller
	RetryAfter time.Duration
}

// Error spells code, field and message.
func (e *Error) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s: %s: %s", e.Code, e.Field, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Errorf makes an Error. Field may be empty.
func Errorf(code Code, field, format string, args ...any) *Error {
	return &Error{Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of the *Error in err's chain, or "" when there is none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
