//go:build unix

package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// OwnPostgres is a PostgreSQL server of a test's own, on a free port, with a directory
// of its own, which may be stopped and started. Make one with StartPostgres.
type OwnPostgres struct {
	t    testing.TB
	bin  string // folder of the server's programs
	dir  string
	port int
	as   *syscall.Credential // nil: as who runs the test
}

// StartPostgres makes a server and starts it. Where its programs are not installed the
// test is skipped, or fails when SWITCHHOOK_TEST_REQUIRE_SERVICES is 1.
func StartPostgres(t testing.TB) *OwnPostgres {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // fails for a wrong pattern alone
	if at, err := exec.LookPath("initdb"); err == nil && len(found) == 0 {
		found = append(found, at)
	}
	if len(found) == 0 {
		if os.Getenv("SWITCHHOOK_TEST_REQUIRE_SERVICES") == "1" {
			t.Fatal("PostgreSQL is not installed: there is no initdb")
		}
		t.Skip("PostgreSQL is not installed: there is no initdb")
	}
	p := newOwnPostgres(t, filepath.Dir(slices.Max(found)))
	p.run("initdb", "-D", p.dir, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
	p.configure("wal_level = replica", "max_wal_senders = 4", "shared_buffers = 32MB", "max_connections = 60")
	p.Start()
	return p
}

func newOwnPostgres(t testing.TB, bin string) *OwnPostgres {
	t.Helper()
	dir, err := os.MkdirTemp("", "switchhook-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	p := &OwnPostgres{t: t, bin: bin, dir: filepath.Join(dir, "data")}
	t.Cleanup(func() {
		_ = p.ctl("stop", "-m", "immediate") // it may be stopped already
		_ = os.RemoveAll(dir)
	})
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatalf("PostgreSQL does not run as root: %v", err)
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2, os.Chown(dir, uid, gid)); err != nil {
			t.Fatal(err)
		}
		p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	p.port = freePort(t)
	return p
}

// configure adds lines to the server's settings.
func (p *OwnPostgres) configure(lines ...string) {
	p.t.Helper()
	f, err := os.OpenFile(filepath.Join(p.dir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	lines = append(lines, fmt.Sprintf("port = %d", p.port), "listen_addresses = '127.0.0.1'", "unix_socket_directories = ''")
	for _, line := range lines {
		if _, err := fmt.Fprintln(f, line); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// Addr is "host:port".
func (p *OwnPostgres) Addr() string { return "127.0.0.1:" + strconv.Itoa(p.port) }

// URL is how the server is reached.
func (p *OwnPostgres) URL() string {
	return "postgres://postgres@" + p.Addr() + "/postgres?sslmode=disable"
}

// Start starts the server and returns when it answers.
func (p *OwnPostgres) Start() {
	p.t.Helper()
	if err := p.ctl("start", "-l", filepath.Join(filepath.Dir(p.dir), "log")); err != nil {
		text, _ := os.ReadFile(filepath.Join(filepath.Dir(p.dir), "log")) // it may not have come so far
		p.t.Fatalf("%v\n%s", err, text)
	}
}

// Stop ends the server: with every connection, and after everything is on disk and with
// the standbys; or, when it crashes, at once.
func (p *OwnPostgres) Stop(crash bool) {
	p.t.Helper()
	mode := "fast"
	if crash {
		mode = "immediate"
	}
	if err := p.ctl("stop", "-m", mode); err != nil {
		p.t.Fatal(err)
	}
}

// Standby makes a server that follows this one, and starts it.
func (p *OwnPostgres) Standby() *OwnPostgres {
	p.t.Helper()
	s := newOwnPostgres(p.t, p.bin)
	s.run("pg_basebackup", "-D", s.dir, "-R", "-X", "stream", "-c", "fast", "-h", "127.0.0.1", "-p", strconv.Itoa(p.port), "-U", "postgres")
	s.configure()
	s.Start()
	return s
}

// Promote makes a standby the primary.
func (p *OwnPostgres) Promote() {
	p.t.Helper()
	if err := p.ctl("promote"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *OwnPostgres) ctl(args ...string) error {
	return p.command("pg_ctl", append([]string{"-D", p.dir, "-w", "-t", "120"}, args...)...)
}

func (p *OwnPostgres) run(program string, args ...string) {
	p.t.Helper()
	if err := p.command(program, args...); err != nil {
		p.t.Fatal(err)
	}
}

// command runs one of the server's programs. Its output goes to a file: a server that it
// starts keeps it open.
func (p *OwnPostgres) command(program string, args ...string) error {
	out, err := os.Create(filepath.Join(filepath.Dir(p.dir), program+".out"))
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(filepath.Join(p.bin, program), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Dir(p.dir), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name()) // it was made above
		return fmt.Errorf("%s: %w\n%s", program, err, text)
	}
	return nil
}
