package postgres

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
	"github.com/switchhook/switchhook/internal/webhook"
)

// ShardHolders returns for each shard which node holds it.
func (s *Store) ShardHolders(ctx context.Context) ([]int64, error) {
	holders := make([]int64, store.Shards)
	rows, err := s.Reads.Query(ctx, `SELECT s.shard, s.node FROM shards s JOIN nodes n ON n.number = s.node`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var shard, node int64
		if err := rows.Scan(&shard, &node); err != nil {
			return nil, err
		}
		if shard < 0 || shard >= store.Shards {
			return nil, fmt.Errorf("there is a shard %d", shard)
		}
		holders[shard] = node
	}
	return holders, rows.Err()
}

// TakeShards lets the node hold those of the shards that nobody holds. The node's row is
// locked, so that it is declared dead before or after.
func (s *Store) TakeShards(ctx context.Context, node int64, shards []int) error {
	return s.write(ctx, func(tx sqlstore.Tx) error {
		n, err := tx.Exec(ctx, `SELECT FROM nodes WHERE number = $1 FOR KEY SHARE`, node)
		if err != nil {
			return err
		}
		if n == 0 {
			return webhook.Errorf(webhook.CodeNotFound, "", "no such node")
		}
		_, err = tx.Exec(ctx, `UPDATE shards s SET node = $1 WHERE shard = ANY ($2::integer[])
			AND NOT EXISTS (SELECT FROM nodes n WHERE n.number = s.node)`, node, shards)
		return err
	})
}

// LeaveShards frees those of the shards that the node holds.
func (s *Store) LeaveShards(ctx context.Context, node int64, shards []int) error {
	return s.write(ctx, func(tx sqlstore.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE shards SET node = 0 WHERE node = $1 AND shard = ANY ($2::integer[])`, node, shards)
		return err
	})
}

// channel is the name of the schema's own channel, as the trigger on changes has it.
const channel = `'switchhook_' || md5(current_schema())`

// Tell passes word to everybody who listens.
func (s *Store) Tell(ctx context.Context, w store.Word) error {
	return s.again(ctx, func(ctx context.Context) error {
		_, err := s.cold.Exec(ctx, `SELECT pg_notify(`+channel+`, $1)`, writeWord(w))
		return err
	})
}

// How long nothing may be heard before the connection is tried, and how long it may
// take to answer.
const (
	quietListening = 10 * time.Second
	listenAnswer   = 5 * time.Second
)

// Listen calls hear with word from all nodes, on a connection of its own.
func (s *Store) Listen(ctx context.Context, hear func(store.Word)) error {
	err := s.listen(ctx, hear)
	if ctx.Err() != nil {
		return nil
	}
	return s.classify(err)
}

func (s *Store) listen(ctx context.Context, hear func(store.Word)) error {
	if s.closed.Load() {
		return errClosed()
	}
	conn, err := pgx.ConnectConfig(ctx, s.cold.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // it may be broken
	}()
	var name string
	if err := conn.QueryRow(ctx, `SELECT `+channel).Scan(&name); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{name}.Sanitize()); err != nil {
		return err
	}
	hear(store.Word{Kind: store.WordListening})
	for {
		text, err := next(ctx, conn)
		if err != nil {
			return err
		}
		w, err := readWord(text)
		if err != nil {
			s.logger.Warn("word of another node is not understood", "error", err)
			continue
		}
		hear(w)
	}
}

// next waits for a notification. When none comes for long it makes sure that the
// connection is there.
func next(ctx context.Context, conn *pgx.Conn) (string, error) {
	for {
		waiting, cancel := context.WithTimeout(ctx, quietListening)
		n, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			return n.Payload, nil
		case ctx.Err() != nil, waiting.Err() == nil:
			return "", err
		}
		trying, cancel := context.WithTimeout(ctx, listenAnswer)
		err = conn.Ping(trying)
		cancel()
		if err != nil {
			return "", err
		}
	}
}

// What word consists of, in bytes.
const (
	arrivalBytes = 16 + 8 + 4
	nodeBytes    = 8
)

// writeWord spells word as a text of less than 8,000 bytes, which is the limit of a
// notification: the kind, and after it nodes or arrivals in base64.
func writeWord(w store.Word) string {
	var b []byte
	for _, n := range w.Nodes[:min(len(w.Nodes), store.MaxWordNodes)] {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	for _, a := range w.Arrivals[:min(len(w.Arrivals), store.MaxWordArrivals)] {
		b = append(b, a.EndpointID[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(sqlstore.Micros(a.At)))
		b = binary.BigEndian.AppendUint32(b, uint32(a.Count))
	}
	return string(w.Kind) + base64.RawStdEncoding.EncodeToString(b)
}

// readWord reads what writeWord wrote, or something else: anybody may notify.
func readWord(text string) (w store.Word, err error) {
	if text == "" {
		return w, errors.New("it is empty")
	}
	w.Kind = store.WordKind(text[0])
	size, what := arrivalBytes, "arrivals"
	if w.Kind == store.WordHanded {
		size, what = nodeBytes, "nodes"
	}
	b, err := base64.RawStdEncoding.DecodeString(text[1:])
	if err != nil || len(b)%size != 0 {
		return w, fmt.Errorf("%.20q has no list of %s", text, what)
	}
	for ; len(b) > 0; b = b[size:] {
		if w.Kind == store.WordHanded {
			w.Nodes = append(w.Nodes, int64(binary.BigEndian.Uint64(b)))
			continue
		}
		a := store.Arrival{
			At:    sqlstore.Time(int64(binary.BigEndian.Uint64(b[16:]))),
			Count: int(binary.BigEndian.Uint32(b[24:])),
		}
		copy(a.EndpointID[:], b)
		w.Arrivals = append(w.Arrivals, a)
	}
	return w, nil
}
