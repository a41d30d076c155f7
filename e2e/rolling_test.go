package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/testkit"
)

// later is the version of the newer release.
const later = "v99.0.0-later"

// newerBinary builds this program as its next release: with one more migration of the
// database, which does all that a migration may do (see docs/scaling.md) to all that
// running nodes write to. It returns the schema's version, too.
func newerBinary(t *testing.T) (file string, schema int) {
	t.Helper()
	migrations, err := filepath.Abs("../internal/store/postgres/migrations")
	if err != nil {
		t.Fatal(err)
	}
	there, err := os.ReadDir(migrations)
	if err != nil {
		t.Fatal(err)
	}
	schema = len(there) + 1
	var sql strings.Builder
	for _, table := range []string{
		"accounts", "endpoints", "endpoint_health", "subscriptions", "events", "deliveries", "attempts", "idempotency",
		"handed", "nodes", "shards", "counters", "changes",
	} {
		fmt.Fprintf(&sql, "ALTER TABLE %s ADD COLUMN later TEXT, ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;\n", table)
		fmt.Fprintf(&sql, "CREATE INDEX ON %s (counted);\n", table)
	}
	sql.WriteString("CREATE TABLE later (id UUID PRIMARY KEY);\nCREATE TYPE new_event_later AS (id UUID, later TEXT);\n")

	dir := t.TempDir()
	replaced := map[string]string{}
	for at, text := range map[string]string{
		filepath.Join(migrations, fmt.Sprintf("%04d_later.sql", schema)): sql.String(),
		filepath.Join(migrations, "../../../telemetry/version.go"):       fmt.Sprintf("package telemetry\n\nfunc Version() string { return %q }\n", later),
	} {
		replaced[at] = filepath.Join(dir, filepath.Base(at))
		if err := os.WriteFile(replaced[at], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "switchhook")
	run(t, "..", "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", file, ".")
	return file, schema
}

// balancer sends to several servers in turn.
type balancer struct {
	t  *testing.T
	mu sync.Mutex
	to []*server
}

func (b *balancer) use(to ...*server) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to = to
}

// send is for a load. A server that is in use has to accept; one that was taken out
// meanwhile need not.
func (b *balancer) send(n int) (status int, id string) {
	b.mu.Lock()
	to := b.to
	b.mu.Unlock()
	s := to[n%len(to)]
	if status, id = s.send(n); status == http.StatusAccepted {
		return status, id
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(b.to, s) {
		b.t.Errorf("a node that serves answers %d", status)
	}
	return http.StatusServiceUnavailable, ""
}

func TestNodesAreUpgradedOneAfterTheOther(t *testing.T) {
	newer, schema := newerBinary(t)
	database := testkit.Postgres(t)
	dirs := map[string]string{"first": filepath.Join(t.TempDir(), "data"), "second": filepath.Join(t.TempDir(), "data")}
	args := func(name string) []string {
		return []string{"--database-url", database, "--set", "secret_key=" + strings.Repeat("5a", 32), "--set", "cluster.node=" + name}
	}
	first := startServerIn(t, dirs["first"], args("first")...)
	second := startServerIn(t, dirs["second"], args("second")...)
	second.key = first.key // of the root account, which the first one made
	older := first.nodes()["first"].Version

	r := testkit.NewReceiverWith(t, testkit.Options{Keep: 1_000_000})
	var paths []string // so many that both nodes send for some
	for i := range 8 {
		paths = append(paths, fmt.Sprint("/", i))
		first.subscriber(r.URLFor(paths[i]), nil)
	}
	b := &balancer{t: t}
	b.use(first, second)
	l := startLoadOf(t, 4, 20*time.Millisecond, b.send)
	goesOn := func(when string) {
		t.Helper()
		before := l.accepted()
		first.wait("events are accepted "+when, time.Minute, func() bool { return l.accepted() > before+100 })
		accepted := l.snapshot()
		first.wait("and delivered "+when, time.Minute, func() bool { return len(missingAt(r, paths, accepted)) == 0 })
	}
	goesOn("by two of the older release")

	b.use(second)
	first.stop(syscall.SIGTERM)
	goesOn("by the older release alone")
	first = startBinaryIn(t, newer, dirs["first"], args("first")...)
	goesOn("by the older release after the migration")
	b.use(first, second)
	first.wait("both send", time.Minute, func() bool {
		n := first.nodes()
		return n["first"].Shards > 0 && n["second"].Shards > 0
	})
	if n := first.nodes(); n["first"].Version != later || n["second"].Version != older {
		t.Errorf("running are %+v, of %s and %s", n, later, older)
	}
	goesOn("by one of each")

	b.use(first)
	second.stop(syscall.SIGTERM)
	if text := second.log.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("the older release stumbles:\n%s", text)
	}
	second = startBinaryIn(t, newer, dirs["second"], args("second")...)
	second.key = first.key
	b.use(first, second)
	goesOn("by two of the newer release")
	accepted := l.stop()
	first.wait("everything accepted has arrived", time.Minute, func() bool { return len(missingAt(r, paths, accepted)) == 0 })
	t.Logf("%d events accepted, %d deliveries", len(accepted), r.Count())

	second.stop(syscall.SIGTERM)
	refuses(t, second, args("second"), schema)
}

// refuses starts the older binary where the newer one was.
func refuses(t *testing.T, s *server, args []string, schema int) {
	t.Helper()
	older, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, older, append([]string{"serve", "--data-dir", s.dir, "--listen", "127.0.0.1:0"}, args...)...).CombinedOutput()
	want := fmt.Sprintf("the database is at version %d and this program knows versions up to %d: it was used by a newer release", schema, schema-1)
	if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(string(out), want) {
		t.Errorf("the older release starts after the newer one: %v\n%s", err, out)
	}
}

// missingAt returns the ids that did not arrive at all of the paths.
func missingAt(r *testkit.Receiver, paths, ids []string) (left []string) {
	got := map[string]bool{}
	for _, q := range r.Requests() {
		got[q.Target+q.Header.Get("Webhook-Id")] = true
	}
	for _, id := range ids {
		for _, path := range paths {
			if !got[path+id] {
				left = append(left, id)
				break
			}
		}
	}
	return left
}
