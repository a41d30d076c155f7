package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/seal"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// moveAtOnce is how many rows are moved in one transaction.
const moveAtOnce = 2000

// Moved says how far a move of one table has come.
type Moved struct {
	Table    string `json:"table"`
	Rows     int64  `json:"rows"` // in the source
	Done     int64  `json:"done"` // of those, in the target, or compared
	Checksum string `json:"checksum,omitempty"`
	Checking bool   `json:"-"` // it is compared
}

// MoveStore moves a whole installation from the SQLite database of a data directory, which
// no server may be using, to an empty PostgreSQL database. Broken off, it goes on
// where it was when it is called again. In the end everything is read again on both
// sides and compared. Secrets are moved as they are: they stay sealed with their key.
func MoveStore(ctx context.Context, dataDir, url string, progress func(Moved)) (_ []Moved, err error) {
	file := DatabaseFile(dataDir)
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("there is no database in %s", dataDir)
	}
	box, err := seal.New(make([]byte, seal.KeySize)) // nothing is sealed or opened
	if err != nil {
		return nil, err
	}
	from, err := sqlite.Open(ctx, sqlite.Options{Path: file, Box: box})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := postgres.Open(ctx, postgres.Options{URL: url, Box: box, Moving: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	m := &move{from: from, to: to, progress: progress}
	return m.run(ctx)
}

// move is one move.
type move struct {
	from     *sqlite.Store
	to       *postgres.Store
	progress func(Moved)
}

func (m *move) run(ctx context.Context) ([]Moved, error) {
	// What was only in a server's memory is in the backlog from now on.
	nodes, err := m.from.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := m.from.Reclaim(ctx, nodes, time.Now()); err != nil {
		return nil, err
	}
	tables, err := m.tables(ctx)
	if err != nil {
		return nil, err
	}
	source, err := m.source(ctx, tables)
	if err != nil {
		return nil, err
	}
	if err := m.to.BeginMove(ctx, source); err != nil {
		return nil, err
	}
	for _, t := range tables {
		if err := m.copy(ctx, t); err != nil {
			return nil, fmt.Errorf("move %s: %w", t.Name, err)
		}
	}
	var all []Moved
	for _, t := range tables {
		done, err := m.compare(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", t.Name, err)
		}
		all = append(all, done)
	}
	var counters [2]int64
	for i, name := range []string{"changes", "nodes"} {
		if counters[i], err = m.from.Counter(ctx, name); err != nil {
			return nil, err
		}
	}
	return all, m.to.EndMove(ctx, counters[0], counters[1])
}

// tables describes what is moved, and makes sure that both sides have the same tables.
func (m *move) tables(ctx context.Context) ([]*store.Table, error) {
	ours, err := m.from.TableNames(ctx)
	if err != nil {
		return nil, err
	}
	theirs, err := m.to.TableNames(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(ours, theirs) {
		return nil, fmt.Errorf("the databases have different tables: %v and %v", ours, theirs)
	}
	var tables []*store.Table
	for _, name := range ours {
		t, err := m.to.Table(ctx, name)
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// source is a number that tells one installation from others: it is made of its oldest account.
func (m *move) source(ctx context.Context, tables []*store.Table) (int64, error) {
	i := slices.IndexFunc(tables, func(t *store.Table) bool { return t.Name == "accounts" })
	if i < 0 {
		return 0, errors.New("there is no table of accounts")
	}
	rows, err := m.from.Rows(ctx, tables[i], nil, 1)
	if err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, errors.New("there is no installation to be moved")
	}
	sum := sha256.Sum256(bytes.Join(tables[i].KeyOf(rows[0]), nil))
	return int64(binary.BigEndian.Uint64(sum[:]) >> 1), nil
}

// copy adds what the target does not have yet. Rows come in order of their keys, and a
// portion is there whole or not at all, so the last key says how far it came.
func (m *move) copy(ctx context.Context, t *store.Table) error {
	p := Moved{Table: t.Name}
	var err error
	if p.Rows, err = m.from.Count(ctx, t); err != nil {
		return err
	}
	if p.Done, err = m.to.Count(ctx, t); err != nil {
		return err
	}
	after, err := m.to.LastKey(ctx, t)
	if err != nil {
		return err
	}
	for {
		rows, err := m.from.Rows(ctx, t, after, moveAtOnce)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			if err := m.to.AddRows(ctx, t, rows); err != nil {
				return err
			}
			p.Done += int64(len(rows))
			after = t.KeyOf(rows[len(rows)-1])
		}
		m.progress(p)
		if len(rows) < moveAtOnce {
			return nil
		}
	}
}

// compare reads both sides and holds their counts and checksums against each other.
func (m *move) compare(ctx context.Context, t *store.Table) (Moved, error) {
	p := Moved{Table: t.Name, Checking: true}
	var err error
	if p.Rows, err = m.from.Count(ctx, t); err != nil {
		return p, err
	}
	var count [2]int64
	var sum [2]string
	for i, side := range []store.Tabled{m.from, m.to} {
		count[i], sum[i], err = m.checksum(ctx, side, t, func(done int64) {
			p.Done = (int64(i)*p.Rows + done) / 2
			m.progress(p)
		})
		if err != nil {
			return p, err
		}
	}
	p.Done, p.Checksum, p.Checking = count[1], sum[1], false
	if count[0] != count[1] || sum[0] != sum[1] {
		return p, fmt.Errorf("%d rows with checksum %.16s were moved from %d with checksum %.16s", count[1], sum[1], count[0], sum[0])
	}
	return p, nil
}

// checksum is the SHA-256 over all rows of a table, in order of key.
func (m *move) checksum(ctx context.Context, side store.Tabled, t *store.Table, progress func(int64)) (n int64, sum string, err error) {
	h := sha256.New()
	var after store.Row
	for {
		rows, err := side.Rows(ctx, t, after, moveAtOnce)
		if err != nil {
			return 0, "", err
		}
		for _, r := range rows {
			writeRow(h, r)
		}
		n += int64(len(rows))
		progress(n)
		if len(rows) < moveAtOnce {
			return n, hex.EncodeToString(h.Sum(nil)), nil
		}
		after = t.KeyOf(rows[len(rows)-1])
	}
}

// writeRow spells a row so that no two rows are spelled alike.
func writeRow(h hash.Hash, r store.Row) {
	var b []byte
	for _, v := range r {
		if v == nil {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(append(b, 1), uint64(len(v)))
		b = append(b, v...)
	}
	_, _ = h.Write(b) // a hash never fails
}
