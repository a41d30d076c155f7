package postgres

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestSeveralNodesStartOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s, err := Open(t.Context(), db.options())
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Ping(t.Context()); err != nil {
				t.Error(err)
			}
			_ = s.Close()
		})
	}
	all.Wait()
	var n int
	db.scan(t, `SELECT count(*) FROM migrations`, nil, &n)
	if n == 0 {
		t.Error("no migration is on record")
	}
}

func TestADatabaseOfANewerReleaseIsRefused(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	_ = db.open(t).Close()
	db.exec(t, `INSERT INTO migrations (version, name, checksum, applied_at) VALUES (999, 'x', 'x', 0)`)
	s, err := Open(t.Context(), db.options())
	if err == nil {
		_ = s.Close()
		t.Fatal("it was opened")
	}
	if !strings.Contains(err.Error(), "newer release") {
		t.Errorf("open: %v", err)
	}
}

func TestSessionsSyncTheirCommitsWhateverTheDefaultIs(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	o := db.options()
	o.URL += "&synchronous_commit=off&default_transaction_isolation=serializable"
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, want := range map[string]string{"synchronous_commit": "on", "default_transaction_isolation": "read committed"} {
		var hot, cold string
		if err := s.hot.QueryRow(t.Context(), `SELECT current_setting($1)`, name).Scan(&hot); err != nil {
			t.Fatal(err)
		}
		if err := s.cold.QueryRow(t.Context(), `SELECT current_setting($1)`, name).Scan(&cold); err != nil {
			t.Fatal(err)
		}
		if hot != want || cold != want {
			t.Errorf("%s is %s and %s, want %s", name, hot, cold, want)
		}
	}
}

func TestAServerThatMayLoseDataIsWarnedOf(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	var setting string
	db.scan(t, `SELECT current_setting('autovacuum')`, nil, &setting)
	var log bytes.Buffer
	o := db.options()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if warned := strings.Contains(log.String(), "setting=autovacuum"); warned != (setting == "off") {
		t.Errorf("autovacuum is %s, the log says %q", setting, log.String())
	}
}

func TestSecretsAreNotInTheTables(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := db.open(t)
	now := time.Now()
	a := webhook.Account{ID: id.New(), CreatedAt: now, UpdatedAt: now}
	if err := s.CreateAccount(t.Context(), &a, nil); err != nil {
		t.Fatal(err)
	}
	e := webhook.Endpoint{
		ID: id.New(), AccountID: a.ID, Service: webhook.ServiceHTTP, URL: "https://user:hidden-in-url@receiver.example/",
		Headers: []webhook.Header{{Name: "Authorization", Value: "hidden-in-header"}},
		Keys:    []webhook.SigningKey{{Key: "whsec_hidden-in-key", CreatedAt: now}},
		TLS:     &webhook.TLS{KeyPEM: "hidden-in-pem"}, Enabled: true, CreatedAt: now, UpdatedAt: now,
	}
	if err := s.CreateEndpoint(t.Context(), &e, nil, nil); err != nil {
		t.Fatal(err)
	}
	rows, err := db.admin.Query(t.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = $1`, db.name)
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if rows.Err() != nil || len(tables) < 10 {
		t.Fatalf("tables %v: %v", tables, rows.Err())
	}
	for _, table := range tables {
		var n int
		db.scan(t, fmt.Sprintf(`SELECT count(*) FROM %s t WHERE t::text LIKE '%%hidden%%'
			OR t::text LIKE '%%' || encode('hidden', 'hex') || '%%'`, table), nil, &n)
		if n > 0 {
			t.Errorf("table %s holds a secret", table)
		}
	}
}

// What is accepted and delivered at the first try updates its row in place, and no
// statement of the queue reads a whole table, however few rows it has.
func TestTheCommonPathTouchesNoIndexAndScansNothing(t *testing.T) {
	t.Parallel()
	const events, fan = 400, 3
	db := newDatabase(t)
	_ = db.open(t).Close()
	forget(t, db)
	s := db.open(t)
	f := newFiller(t, s)
	for range 4 {
		var b, results store.Batch
		for range events / 4 {
			in := f.intake(fan, time.Time{})
			in.Once = &store.Once{AccountID: f.account, Key: id.New().String(), Expires: time.Now().Add(time.Hour)}
			in.Accepted[0].Event.UID = in.Once.Key
			b.Intake = append(b.Intake, in)
			for _, d := range in.Accepted[0].Deliveries {
				results.Results = append(results.Results, f.result(d))
			}
		}
		for _, batch := range []*store.Batch{&b, &results} {
			if err := s.Commit(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := store.Want{EndpointID: f.endpoint, Max: 10}
	if _, err := s.Claim(t.Context(), store.ClaimQuery{Node: f.node, Live: []int64{f.node}, Now: time.Now(), Wants: []store.Want{want}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reclaim(t.Context(), dead(t, s), time.Now()); err != nil {
		t.Fatal(err)
	}
	_ = s.Close() // a backend that ends hands its counts in

	const counts = `SELECT sum(n_tup_upd) FILTER (WHERE relname = 'deliveries'), sum(n_tup_hot_upd) FILTER (WHERE relname = 'deliveries'),
		COALESCE(string_agg(relname, ', ') FILTER (WHERE seq_scan > 0
			AND relname IN ('deliveries', 'events', 'attempts', 'idempotency')), '')
		FROM pg_stat_user_tables WHERE schemaname = $1`
	var updated, inPlace int
	var scanned string
	for deadline := time.Now().Add(10 * time.Second); updated < events*fan && time.Now().Before(deadline); {
		db.scan(t, counts, []any{db.name}, &updated, &inPlace, &scanned)
	}
	if updated != events*fan || inPlace < updated*9/10 {
		t.Errorf("%d of %d updates were in place", inPlace, updated)
	}
	if scanned != "" {
		t.Errorf("tables that were read whole: %s", scanned)
	}
}

// forget sets the counts back that making the tables has left.
func forget(t *testing.T, db *database) {
	t.Helper()
	const scans = `SELECT COALESCE(min(seq_scan), 0) FROM pg_stat_user_tables
		WHERE schemaname = $1 AND relname IN ('deliveries', 'events', 'attempts', 'idempotency')`
	deadline := time.Now().Add(10 * time.Second)
	for n := 0; n == 0 && time.Now().Before(deadline); {
		db.scan(t, scans, []any{db.name}, &n)
	}
	db.exec(t, `SELECT pg_stat_reset_single_table_counters(relid) FROM pg_stat_user_tables WHERE schemaname = $1`, db.name)
}
