package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresURL is where PostgreSQL is looked for when nothing is said.
func postgresURL() string {
	if at := os.Getenv("SWITCHHOOK_TEST_POSTGRES"); at != "" {
		return at
	}
	return "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"
}

func reachable(ctx context.Context, at string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, at)
	if err != nil {
		return err
	}
	return c.Close(ctx)
}

// database is a PostgreSQL database of one rig's own.
type database struct {
	url   string
	name  string
	admin *pgx.Conn
	seen  map[int]time.Duration // processor time of its backends when last looked at
}

func newDatabase(ctx context.Context, at string) (*database, error) {
	admin, err := pgx.Connect(ctx, at)
	if err != nil {
		return nil, err
	}
	d := &database{admin: admin, name: "bench_" + strings.ToLower(rand.Text()[:12]), seen: map[int]time.Duration{}}
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+d.name); err != nil {
		_ = admin.Close(ctx)
		return nil, fmt.Errorf("make a database: %w", err)
	}
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	u.Path = "/" + d.name
	d.url = u.String()
	return d, nil
}

// drop deletes the database.
func (d *database) drop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	defer d.admin.Close(ctx)
	_, err := d.admin.Exec(ctx, "DROP DATABASE "+d.name+" WITH (FORCE)")
	return err
}

// cpu is what the database has used: its own backends, and the processes of
// PostgreSQL that serve all databases. It is known on Linux alone, for a
// PostgreSQL on this machine; elsewhere it is 0.
func (d *database) cpu() (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	rows, err := d.admin.Query(ctx, `SELECT pid FROM pg_stat_activity
		WHERE datname = $1 OR backend_type IN ('checkpointer', 'background writer', 'walwriter')`, d.name)
	if err != nil {
		return 0, err
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		if cpu, ok := cpuOfProcess(pid); ok {
			d.seen[pid] = cpu
		}
	}
	var sum time.Duration
	for _, cpu := range d.seen {
		sum += cpu
	}
	return sum, nil
}

// clockTick is the unit of processor time in /proc on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuOfProcess reads what a process has used from /proc, if it is one of PostgreSQL.
func cpuOfProcess(pid int) (time.Duration, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, false
	}
	// "pid (name) state ppid …": utime and stime are the fields 14 and 15.
	i := bytes.LastIndexByte(text, ')')
	if i < 0 || !bytes.Contains(text[:i], []byte("postgres")) {
		return 0, false
	}
	fields := bytes.Fields(text[i+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.Atoi(string(fields[11]))
	system, err2 := strconv.Atoi(string(fields[12]))
	return time.Duration(user+system) * clockTick, err1 == nil && err2 == nil
}
