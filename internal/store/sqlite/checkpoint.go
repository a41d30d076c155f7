package sqlite

import (
	"context"
	"log/slog"

	capi "modernc.org/sqlite/lib"
)

// SQLite appends what is committed to its log, and moves it into the database
// file at checkpoints. Left alone it does so within the commit that makes the log
// large enough, and everybody waits for two rounds of disk writes. Here another
// connection does it beside the commits. Only a log that was moved as a whole is
// begun anew, which never happens while commits keep adding to it: once it has
// grown, the last small piece is moved while nobody writes.
const (
	checkpointPages = 4000 // written since the last checkpoint: 32 MiB
	logPages        = 8000 // in the log when it is to be begun anew
	lastPages       = 500  // left for when nobody writes, if it can be done
	logLimit        = 2 * logPages * pageSize
)

const pageSize = 8192

// grew counts what a commit wrote. The pen is held.
func (s *Store) grew() {
	s.grown += s.w.pagesWritten()
	if s.grown < checkpointPages {
		return
	}
	s.grown = 0
	select {
	case s.checkpoints <- struct{}{}:
	default: // one is under way, and another to follow
	}
}

// pagesWritten returns how many pages the connection has written since the last call.
func (c *conn) pagesWritten() int {
	out := c.tls.Alloc(8)
	defer c.tls.Free(8)
	const reset = 1
	if capi.Xsqlite3_db_status(c.tls, c.db, capi.SQLITE_DBSTATUS_CACHE_WRITE, out, out+4, reset) != capi.SQLITE_OK {
		return 0
	}
	return int(*(*int32)(at(out)))
}

// runCheckpoints works until the store is closed. Its connection is opened when
// it is first needed.
func (s *Store) runCheckpoints() {
	defer close(s.checkpointed)
	var c *conn
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	for {
		select {
		case <-s.closing:
			return
		case <-s.checkpoints:
		}
		var err error
		if c == nil {
			c, err = dial(s.path, false, smallCacheKiB)
		}
		if err == nil {
			err = s.checkpoint(c)
		}
		if err != nil {
			s.logger.Error("checkpoint failed", slog.Any("error", err))
		}
	}
}

func (s *Store) checkpoint(c *conn) error {
	log, moved, err := c.checkpoint()
	for range 3 {
		if err != nil || log < logPages || log-moved <= lastPages {
			break
		}
		log, moved, err = c.checkpoint()
	}
	if err != nil || log < logPages {
		return err
	}
	if err := s.takePen(context.Background()); err != nil {
		return nil // closed: the log is moved then, too
	}
	defer func() { <-s.writing }()
	_, _, err = c.checkpoint()
	return err
}

// checkpoint moves what it can without waiting for anybody. It returns the
// number of pages in the log and how many of them were moved by now.
func (c *conn) checkpoint() (log, moved int64, err error) {
	r, err := c.Query(context.Background(), `PRAGMA wal_checkpoint(PASSIVE)`)
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	var busy int64
	if r.Next() {
		err = r.Scan(&busy, &log, &moved)
	}
	if err != nil {
		return 0, 0, err
	}
	return log, moved, r.Err()
}
