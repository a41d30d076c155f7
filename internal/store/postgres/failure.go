package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchhook/switchhook/internal/webhook"
)

// SQLSTATE codes (PostgreSQL manual, appendix A).
const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	readOnlyTransaction  = "25006"
	cannotConnectNow     = "57P03"
	characterUnknown     = "22021" // a NUL, or bytes that are no UTF-8, in a text
)

// errClosed is the answer of a store that was closed.
func errClosed() error {
	return webhook.Errorf(webhook.CodeUnavailable, "", "the database is closed")
}

// classify tells a database that cannot serve for now from a defect, and a caller
// that went away from both.
func (s *Store) classify(err error) error {
	if err == nil || webhook.CodeOf(err) != "" {
		return err
	}
	if s.closed.Load() {
		return errClosed()
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if pg.Code == characterUnknown {
			return webhook.Errorf(webhook.CodeInvalid, "", "a text holds bytes that the database cannot keep")
		}
		text := unavailableFor(pg.Code)
		if text == "" {
			return err
		}
		if pg.Code == readOnlyTransaction {
			// The primary has become a standby. New connections find the new one.
			s.reset()
		}
		// A server that is going down may have committed before it says so.
		unsure := strings.HasPrefix(pg.Code, "57P") && pg.Code != cannotConnectNow
		return &unavailable{webhook.Errorf(webhook.CodeUnavailable, "", "%s", text), err, unsure}
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if isLost(err) {
		var connect *pgconn.ConnectError
		sure := errors.As(err, &connect) || pgconn.SafeToRetry(err)
		return &unavailable{webhook.Errorf(webhook.CodeUnavailable, "", "the database does not answer"), err, !sure}
	}
	return err
}

// unavailableFor says why a server that answers with the SQLSTATE cannot serve
// for now; empty when that is not what the code means.
func unavailableFor(code string) string {
	switch {
	case code == "53100":
		return "the database's disk is full"
	case code == "53300":
		return "the database has too many connections"
	case code == readOnlyTransaction:
		return "the database cannot be written"
	case strings.HasPrefix(code, "53"): // insufficient resources
		return "the database is out of resources"
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "57P"): // connection; shut down, starting up
		return "the database is going down or coming up"
	case strings.HasPrefix(code, "28"), code == "3D000": // authorization; no such database
		return "the database refuses the connection"
	case slices.Contains([]string{serializationFailure, deadlockDetected, "55P03", "57014", "25P03", "25P04"}, code):
		return "the database is too busy" // tried again in vain; time-outs of locks, statements, transactions
	case strings.HasPrefix(code, "58"): // the system's own errors: I/O
		return "the database cannot read or write its files"
	}
	return ""
}

// isLost says whether the connection broke or could not be made.
func isLost(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "conn closed")
}

// isCode says whether the server answered with one of the SQLSTATEs.
func isCode(err error, codes ...string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && slices.Contains(codes, pg.Code)
}

// unavailable is a *webhook.Error with its cause, for the log.
type unavailable struct {
	answer *webhook.Error
	cause  error
	unsure bool
}

// Unsure says whether the work may be done all the same: see store.IsUnsure.
func (u *unavailable) Unsure() bool { return u.unsure }

// Error includes the cause.
func (u *unavailable) Error() string { return u.answer.Error() + ": " + u.cause.Error() }

// Unwrap gives both.
func (u *unavailable) Unwrap() []error { return []error{u.answer, u.cause} }
