package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// dial makes a pool of up to most connections. prepare may be nil; it is called
// for every connection.
func dial(ctx context.Context, url string, most int, idle time.Duration, prepare func(context.Context, *pgx.Conn) error) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err) // pgx leaves the password out
	}
	c.MaxConns, c.MinConns = int32(most), 0
	c.MaxConnIdleTime = 5 * time.Minute
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	if c.ConnConfig.RuntimeParams["application_name"] == "" {
		c.ConnConfig.RuntimeParams["application_name"] = "switchhook"
	}
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := settle(ctx, conn, idle); err != nil || prepare == nil {
			return err
		}
		return prepare(ctx, conn)
	}
	return pgxpool.NewWithConfig(ctx, c)
}

// settle makes sure of the settings that correctness hangs on, whatever the
// server's, the role's or the database's defaults are. A commit that was answered
// is on disk; one that waits for a standby to apply it waits for more than that. A
// process that stops in the middle of a transaction loses it, and its locks, when it has
// been idle for so long.
func settle(ctx context.Context, conn *pgx.Conn, idle time.Duration) error {
	_, err := conn.Exec(ctx, `SELECT set_config('idle_in_transaction_session_timeout', $1, FALSE)
		UNION ALL SELECT
		set_config('synchronous_commit', 'on', FALSE) FROM pg_settings
		WHERE name = 'synchronous_commit' AND setting <> 'remote_apply'
		UNION ALL SELECT set_config('default_transaction_isolation', 'read committed', FALSE)
		UNION ALL SELECT set_config('jit', 'off', FALSE)`,
		strconv.FormatInt(idle.Milliseconds(), 10))
	return err
}

// prepareHot readies a connection for the queue: its plans are made once and
// never by a guess about how many rows there are, for every statement is a loop
// over an index, whatever the statistics of the moment say.
func prepareHot(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config(name, value, FALSE) FROM (VALUES
		('plan_cache_mode', 'force_generic_plan'), ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'),
		('enable_mergejoin', 'off'), ('enable_bitmapscan', 'off'), ('work_mem', '32MB')) AS v (name, value)`)
	if err != nil {
		return err
	}
	for _, s := range commitStatements {
		if _, err := conn.Prepare(ctx, s.name, s.text); err != nil {
			return fmt.Errorf("prepare %s: %w", s.name, err)
		}
		var oid uint32
		if err := conn.QueryRow(ctx, `SELECT $1::text::regtype::oid`, s.of).Scan(&oid); err != nil {
			return fmt.Errorf("look up %s: %w", s.of, err)
		}
		conn.PgConn().CustomData()[s.name] = oid
	}
	return nil
}
