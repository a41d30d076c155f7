package sqlite

import (
	"errors"
	"fmt"

	"github.com/switchhook/switchhook/internal/webhook"
	capi "modernc.org/sqlite/lib"
)

// failure is what SQLite says of a call that failed.
type failure struct {
	code int32 // an extended result code
	text string
}

// Error includes the code.
func (f *failure) Error() string { return fmt.Sprintf("sqlite: %s (%d)", f.text, f.code) }

// errClosed is the answer of a store that was closed.
func errClosed() error {
	return webhook.Errorf(webhook.CodeUnavailable, "", "the database is closed")
}

// classify tells a database that cannot serve for now from a defect.
func classify(err error) error {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return err
	}
	text := ""
	switch f.code & 0xff {
	case capi.SQLITE_FULL:
		text = "the disk is full"
	case capi.SQLITE_BUSY, capi.SQLITE_LOCKED, capi.SQLITE_PROTOCOL:
		text = "the database is locked"
	case capi.SQLITE_IOERR, capi.SQLITE_CANTOPEN:
		text = "the database file cannot be read or written"
	case capi.SQLITE_READONLY, capi.SQLITE_PERM:
		text = "the database file cannot be written"
	case capi.SQLITE_NOMEM:
		text = "out of memory"
	default:
		return err
	}
	return &unavailable{webhook.Errorf(webhook.CodeUnavailable, "", "%s", text), err}
}

// unavailable is a *webhook.Error with its cause, for the log.
type unavailable struct {
	answer *webhook.Error
	cause  error
}

// Error includes the cause.
func (u *unavailable) Error() string { return u.answer.Error() + ": " + u.cause.Error() }

// Unwrap gives both.
func (u *unavailable) Unwrap() []error { return []error{u.answer, u.cause} }
