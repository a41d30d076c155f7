package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"unsafe"

	"github.com/switchhook/switchhook/internal/store/sqlstore"
	"modernc.org/libc"
	capi "modernc.org/sqlite/lib"
)

// conn is one connection with its prepared statements. One caller uses it at a
// time. It calls SQLite's C interface as the library offers it in Go: the driver
// above it, even without database/sql, would cost a fourth of a commit.
type conn struct {
	tls   *libc.TLS
	db    uintptr
	stmts map[string]*stmt
}

// keepStmts is the number of prepared statements that a connection keeps. The
// hot path has a hundred, one for each number of rows; the rest comes and goes.
const keepStmts = 256

// dial opens a connection to the file.
func dial(path string, readOnly bool, cacheKiB int) (*conn, error) {
	c := &conn{tls: libc.NewTLS(), stmts: map[string]*stmt{}}
	if err := c.open(path); err != nil {
		c.Close()
		return nil, err
	}
	pragmas := []string{
		"page_size = " + strconv.Itoa(pageSize), // of a new file
		"journal_mode = WAL",
		"synchronous = FULL",
		"wal_autocheckpoint = 0", // see checkpoint.go
		"journal_size_limit = " + strconv.Itoa(logLimit),
		"foreign_keys = OFF",
		"temp_store = MEMORY",
		"trusted_schema = OFF",
		"cache_size = -" + strconv.Itoa(cacheKiB),
	}
	if readOnly {
		pragmas = append(pragmas, "query_only = ON")
	}
	for _, p := range pragmas {
		if _, err := c.Exec(context.Background(), "PRAGMA "+p); err != nil {
			c.Close()
			return nil, fmt.Errorf("pragma %s: %w", p, err)
		}
	}
	return c, nil
}

// mustLog checks that the database has a write-ahead log. SQLite goes on without
// one where the file system cannot share memory between processes.
func (c *conn) mustLog(ctx context.Context) error {
	r, err := c.Query(ctx, "PRAGMA journal_mode")
	if err != nil {
		return err
	}
	defer r.Close()
	var mode string
	if r.Next() {
		err = r.Scan(&mode)
	}
	if err == nil && mode != "wal" {
		err = fmt.Errorf("the file system does not support a write-ahead log (journal mode is %q)", mode)
	}
	return errors.Join(err, r.Err())
}

func (c *conn) open(path string) error {
	name, err := libc.CString(path)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, name)
	out := c.tls.Alloc(8)
	defer c.tls.Free(8)
	const flags = capi.SQLITE_OPEN_READWRITE | capi.SQLITE_OPEN_CREATE | capi.SQLITE_OPEN_NOMUTEX
	rc := capi.Xsqlite3_open_v2(c.tls, name, out, flags, 0)
	c.db = *(*uintptr)(at(out))
	if rc != capi.SQLITE_OK {
		return c.failure(rc)
	}
	capi.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	capi.Xsqlite3_busy_timeout(c.tls, c.db, 5000)
	return nil
}

// Close gives the connection back.
func (c *conn) Close() error {
	c.forget()
	rc := capi.Xsqlite3_close_v2(c.tls, c.db)
	c.tls.Close()
	if rc != capi.SQLITE_OK {
		return &failure{code: rc, text: "close"}
	}
	return nil
}

// failure says what SQLite says about the call that returned rc.
func (c *conn) failure(rc int32) error {
	text := "out of memory"
	if c.db != 0 {
		text = libc.GoString(capi.Xsqlite3_errmsg(c.tls, c.db))
	}
	return classify(&failure{code: rc, text: text})
}

// prepare returns the statement for a text, prepared once.
func (c *conn) prepare(query string) (*stmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	if len(c.stmts) >= keepStmts {
		c.forget()
	}
	text, err := libc.CString(query)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	out := c.tls.Alloc(8)
	defer c.tls.Free(8)
	rc := capi.Xsqlite3_prepare_v3(c.tls, c.db, text, -1, capi.SQLITE_PREPARE_PERSISTENT, out, 0)
	if rc != capi.SQLITE_OK {
		return nil, c.failure(rc)
	}
	s := &stmt{c: c, handle: *(*uintptr)(at(out))}
	c.stmts[query] = s
	return s, nil
}

func (c *conn) forget() {
	for text, s := range c.stmts {
		s.finalize()
		delete(c.stmts, text)
	}
}

// Exec implements sqlstore.Tx.
func (c *conn) Exec(_ context.Context, query string, args ...any) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	if err := s.take(args); err != nil {
		return 0, err
	}
	return s.exec()
}

// Query implements sqlstore.Tx.
func (c *conn) Query(ctx context.Context, query string, args ...any) (sqlstore.Rows, error) {
	s, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	if err := s.take(args); err != nil {
		return nil, err
	}
	return s.query(ctx)
}

// interrupt ends what the connection is doing. It may be called by anyone.
func (c *conn) interrupt() {
	tls := libc.NewTLS()
	defer tls.Close()
	capi.Xsqlite3_interrupt(tls, c.db)
}

// at makes a pointer to memory that SQLite or its allocator owns.
func at(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// bytesAt is n bytes of such memory.
func bytesAt(p uintptr, n int) []byte { return unsafe.Slice((*byte)(at(p)), n) }
