package sqlite

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"github.com/switchhook/switchhook/internal/id"
	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	capi "modernc.org/sqlite/lib"
)

// stmt is a prepared statement. Its arguments are gathered first and bound when
// it runs. Those that are bytes are copied into one piece of memory of SQLite's
// side, which the statement keeps.
type stmt struct {
	c      *conn
	handle uintptr // 0 is a text without a statement in it
	args   []arg
	arena  uintptr
	size   int // of the arena
}

// arg is an argument.
type arg struct {
	kind  argKind
	value int64  // of an integer
	bytes []byte // of a text or blob
}

type argKind int8

const (
	argNull argKind = iota
	argInt
	argText
	argBlob
)

// keepArena is the size beyond which a statement's memory is not kept.
const keepArena = 256 << 10

func (s *stmt) clear() { s.args = s.args[:0] }

func (s *stmt) null()         { s.args = append(s.args, arg{}) }
func (s *stmt) int(v int64)   { s.args = append(s.args, arg{kind: argInt, value: v}) }
func (s *stmt) id(v *id.ID)   { s.args = append(s.args, arg{kind: argBlob, bytes: v[:]}) }
func (s *stmt) text(v string) { s.args = append(s.args, arg{kind: argText, bytes: bytesOf(v)}) }

func (s *stmt) blob(v []byte) {
	if v == nil {
		s.null()
		return
	}
	s.args = append(s.args, arg{kind: argBlob, bytes: v})
}

func (s *stmt) bool(v bool) {
	if v {
		s.int(1)
		return
	}
	s.int(0)
}

// time adds a time; none is NULL.
func (s *stmt) time(t time.Time) {
	if t.IsZero() {
		s.null()
		return
	}
	s.int(t.UnixMicro())
}

// orNull adds a text, or NULL for nil.
func (s *stmt) orNull(v any) {
	if text, ok := v.(string); ok {
		s.text(text)
		return
	}
	s.null()
}

// stamp adds the time of something whose id mostly says the same.
func (s *stmt) stamp(t time.Time, v id.ID) {
	if us := t.UnixMicro(); us != v.Time().UnixMicro() {
		s.int(us)
		return
	}
	s.null()
}

// bytesOf is the text without a copy; nobody writes to it.
func bytesOf(v string) []byte { return unsafe.Slice(unsafe.StringData(v), len(v)) }

// any adds an argument of the kinds that sqlstore.Tx allows.
func (s *stmt) any(v any) error {
	switch v := v.(type) {
	case nil:
		s.null()
	case string:
		s.text(v)
	case []byte:
		s.blob(v)
	case int64:
		s.int(v)
	case bool:
		s.bool(v)
	default:
		return fmt.Errorf("sqlite: argument %d is a %T", len(s.args)+1, v)
	}
	return nil
}

// take replaces the arguments.
func (s *stmt) take(args []any) error {
	s.clear()
	for _, v := range args {
		if err := s.any(v); err != nil {
			return err
		}
	}
	return nil
}

// bind hands the arguments to SQLite and forgets them.
func (s *stmt) bind() error {
	if n := int(capi.Xsqlite3_bind_parameter_count(s.c.tls, s.handle)); n != len(s.args) {
		return fmt.Errorf("sqlite: %d arguments for %d parameters", len(s.args), n)
	}
	if err := s.reserve(); err != nil {
		return err
	}
	tls, used := s.c.tls, 0
	for i := range s.args {
		a, n := &s.args[i], int32(i+1)
		rc := int32(capi.SQLITE_OK)
		switch a.kind {
		case argNull:
			rc = capi.Xsqlite3_bind_null(tls, s.handle, n)
		case argInt:
			rc = capi.Xsqlite3_bind_int64(tls, s.handle, n, a.value)
		case argText, argBlob:
			p := s.arena + uintptr(used)
			used += copy(bytesAt(p, len(a.bytes)), a.bytes)
			if a.kind == argText {
				rc = capi.Xsqlite3_bind_text(tls, s.handle, n, p, int32(len(a.bytes)), 0)
			} else {
				rc = capi.Xsqlite3_bind_blob(tls, s.handle, n, p, int32(len(a.bytes)), 0)
			}
		}
		if rc != capi.SQLITE_OK {
			return s.c.failure(rc)
		}
	}
	clear(s.args) // let go of what they point to
	s.clear()
	return nil
}

// reserve makes the arena large enough for the arguments.
func (s *stmt) reserve() error {
	need := 16 // so that an empty blob has an address
	for i := range s.args {
		need += len(s.args[i].bytes)
	}
	if need <= s.size {
		return nil
	}
	s.release()
	need += need / 2
	if s.arena = libc.Xmalloc(s.c.tls, types.Size_t(need)); s.arena == 0 {
		return classify(&failure{code: capi.SQLITE_NOMEM, text: "out of memory"})
	}
	s.size = need
	return nil
}

// release frees the arena. Nothing is bound to it afterwards.
func (s *stmt) release() {
	if s.arena == 0 {
		return
	}
	capi.Xsqlite3_clear_bindings(s.c.tls, s.handle)
	libc.Xfree(s.c.tls, s.arena)
	s.arena, s.size = 0, 0
}

func (s *stmt) finalize() {
	capi.Xsqlite3_finalize(s.c.tls, s.handle)
	s.handle = 0
	if s.arena != 0 {
		libc.Xfree(s.c.tls, s.arena)
		s.arena = 0
	}
}

// reset ends a run. What went wrong in it was said before.
func (s *stmt) reset() {
	capi.Xsqlite3_reset(s.c.tls, s.handle)
	if s.size > keepArena {
		s.release()
	}
}

// exec runs the statement to its end and returns the number of rows it changed.
func (s *stmt) exec() (int64, error) {
	if s.handle == 0 {
		return 0, nil
	}
	if err := s.bind(); err != nil {
		return 0, err
	}
	defer s.reset()
	for {
		switch rc := capi.Xsqlite3_step(s.c.tls, s.handle); rc {
		case capi.SQLITE_ROW:
		case capi.SQLITE_DONE:
			return capi.Xsqlite3_changes64(s.c.tls, s.c.db), nil
		default:
			return 0, s.c.failure(rc)
		}
	}
}

// query starts the statement. It is interrupted when ctx ends; the rows must be
// closed before the connection is used again.
func (s *stmt) query(ctx context.Context) (*rows, error) {
	if err := s.bind(); err != nil {
		return nil, err
	}
	r := &rows{s: s, ctx: ctx, columns: int(capi.Xsqlite3_column_count(s.c.tls, s.handle))}
	if ctx.Done() != nil {
		r.stop = interruptWith(ctx, s.c)
	}
	return r, nil
}

// interruptAgain is how long after an interrupt the next one comes.
const interruptAgain = 10 * time.Millisecond

// interruptWith interrupts the connection when ctx ends, and again and again from then
// on: SQLite forgets an interrupt that comes before a statement has begun its first step.
// After stop has returned, it never will.
func interruptWith(ctx context.Context, c *conn) (stop func()) {
	stopped, done := make(chan struct{}), make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		defer close(done)
		for {
			c.interrupt()
			select {
			case <-stopped:
				return
			case <-time.After(interruptAgain):
			}
		}
	})
	return func() {
		close(stopped)
		if !unhook() {
			<-done
		}
	}
}

// rows is the answer to a query.
type rows struct {
	s       *stmt
	ctx     context.Context
	columns int
	err     error
	stop    func()
	closed  func()
}

// Next implements sqlstore.Rows.
func (r *rows) Next() bool {
	if r.err != nil {
		return false
	}
	switch rc := capi.Xsqlite3_step(r.s.c.tls, r.s.handle); {
	case rc == capi.SQLITE_ROW:
		return true
	case rc == capi.SQLITE_DONE:
	case rc == capi.SQLITE_INTERRUPT && r.ctx.Err() != nil:
		r.err = r.ctx.Err()
	default:
		r.err = r.s.c.failure(rc)
	}
	return false
}

// Err implements sqlstore.Rows.
func (r *rows) Err() error { return r.err }

// Close implements sqlstore.Rows.
func (r *rows) Close() {
	if r.s == nil {
		return
	}
	if r.stop != nil {
		r.stop()
	}
	r.s.reset()
	r.s = nil
	if r.closed != nil {
		r.closed()
	}
}

// Scan implements sqlstore.Rows.
func (r *rows) Scan(dest ...any) error {
	if len(dest) != r.columns {
		return fmt.Errorf("sqlite: %d columns scanned into %d", r.columns, len(dest))
	}
	tls, h := r.s.c.tls, r.s.handle
	for i, d := range dest {
		n := int32(i)
		switch d := d.(type) {
		case *[]byte:
			*d = r.bytes(n)
		case *string:
			*d = string(r.view(n))
		case *int64:
			*d = capi.Xsqlite3_column_int64(tls, h, n)
		case *bool:
			*d = capi.Xsqlite3_column_int64(tls, h, n) != 0
		default:
			return fmt.Errorf("sqlite: column %d is scanned into a %T", i+1, d)
		}
	}
	return nil
}

// bytes returns a copy of a column; NULL is nil, and an empty value is not.
func (r *rows) bytes(n int32) []byte {
	if capi.Xsqlite3_column_type(r.s.c.tls, r.s.handle, n) == capi.SQLITE_NULL {
		return nil
	}
	return append([]byte{}, r.view(n)...)
}

// view is a column as SQLite has it; it is good until the next step.
func (r *rows) view(n int32) []byte {
	p := capi.Xsqlite3_column_blob(r.s.c.tls, r.s.handle, n)
	if p == 0 {
		return nil
	}
	return bytesAt(p, int(capi.Xsqlite3_column_bytes(r.s.c.tls, r.s.handle, n)))
}
