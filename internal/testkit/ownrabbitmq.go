//go:build unix

package testkit

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// OwnRabbitMQ is a RabbitMQ of a test's own, on a free port, with a directory of its own,
// which may crash and be started again. Make one with StartRabbitMQ.
type OwnRabbitMQ struct {
	t          testing.TB
	program    string
	dir        string
	port, dist int
	server     *exec.Cmd
}

// StartRabbitMQ makes a broker and starts it. Where its programs are not installed the
// test is skipped, or fails when SWITCHHOOK_TEST_REQUIRE_SERVICES is 1.
func StartRabbitMQ(t testing.TB) *OwnRabbitMQ {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server") // fails for a wrong pattern alone
	if len(found) == 0 {
		if os.Getenv("SWITCHHOOK_TEST_REQUIRE_SERVICES") == "1" {
			t.Fatal("RabbitMQ is not installed where its packages put it")
		}
		t.Skip("RabbitMQ is not installed where its packages put it")
	}
	b := &OwnRabbitMQ{t: t, program: slices.Max(found), dir: t.TempDir(), port: freePort(t), dist: freePort(t)}
	b.Start()
	t.Cleanup(b.Crash)
	return b
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().(*net.TCPAddr).Port
}

// Addr is "host:port".
func (b *OwnRabbitMQ) Addr() string { return "127.0.0.1:" + strconv.Itoa(b.port) }

// URL is how the broker is reached.
func (b *OwnRabbitMQ) URL() string { return "amqp://guest:guest@" + b.Addr() + "/" }

// Start starts the broker and returns when it listens.
func (b *OwnRabbitMQ) Start() {
	b.t.Helper()
	log, err := os.Create(filepath.Join(b.dir, "log"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer log.Close()
	in := func(name string) string { return filepath.Join(b.dir, name) }
	cmd := exec.Command(b.program)
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // for Crash
	cmd.Env = append(os.Environ(),
		"HOME="+b.dir, "RABBITMQ_NODENAME=switchhook-"+strconv.Itoa(b.port)+"@localhost",
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODE_PORT="+strconv.Itoa(b.port), "RABBITMQ_DIST_PORT="+strconv.Itoa(b.dist),
		"RABBITMQ_MNESIA_BASE="+in("mnesia"), "RABBITMQ_LOG_BASE="+in("logs"), "RABBITMQ_ENABLED_PLUGINS_FILE="+in("plugins"),
		"RABBITMQ_CONFIG_FILE="+in("none"), "RABBITMQ_CONF_ENV_FILE="+in("none.env"),
	)
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.server = cmd
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", b.Addr()); err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name()) // it was made above
			b.t.Fatalf("RabbitMQ does not start:\n%s", text)
		}
	}
}

// Crash ends the broker at once. It may have ended already.
func (b *OwnRabbitMQ) Crash() {
	if b.server == nil {
		return
	}
	_ = syscall.Kill(-b.server.Process.Pid, syscall.SIGKILL)
	_ = b.server.Wait() // it was killed
	b.server = nil
}
