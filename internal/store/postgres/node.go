package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
)

// Reclaim moves what dead nodes held fresh into the backlog and forgets the
// nodes. It locks the nodes first: a commit of one of them that is under way is
// waited for and seen, and one that comes later finds its node gone and puts
// everything into the backlog by itself.
func (s *Store) Reclaim(ctx context.Context, dead []store.Node, now time.Time) (moved int, err error) {
	numbers, beats := make([]int64, len(dead)), make([]int64, len(dead))
	for i, n := range dead {
		numbers[i], beats[i] = n.Number, sqlstore.Micros(n.BeatAt)
	}
	err = s.queue(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			rows, _ := tx.Query(ctx, `SELECT number FROM nodes WHERE (number, beat_at) IN (
				SELECT * FROM unnest($1::bigint[], $2::bigint[])) ORDER BY number FOR UPDATE`, numbers, beats)
			dead, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil || len(dead) == 0 {
				moved = 0
				return err
			}
			moved, err = removeNodes(ctx, tx, dead, now)
			return err
		})
	})
	return moved, err
}
