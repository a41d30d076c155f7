package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/server"
)

// process is a server in a process of its own.
type process struct {
	binary string
	dir    string

	local server.Local
	cmd   *exec.Cmd
	ended chan struct{}
	words tail
}

// startLimit bounds how long a server may take until it is ready.
const startLimit = 15 * time.Second

// start runs the server and returns when it is ready.
func (p *process) start(ctx context.Context) error {
	data := filepath.Join(p.dir, "data")
	cmd := exec.Command(p.binary, "serve", "--data-dir", data,
		"--set", "listen=127.0.0.1:0", "--set", "egress.allow=loopback", "--set", "log.level=warn")
	cmd.Env = withoutSettings(os.Environ())
	cmd.Dir = p.dir
	cmd.Stderr = &p.words
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // being killed is part of the story
		close(ended)
	}()
	p.cmd, p.ended = cmd, ended
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if l, err := server.ReadLocal(data); err == nil && l.PID == cmd.Process.Pid && ready(ctx, l.URL) {
			p.local = l
			return nil
		}
		select {
		case <-ended:
			return errors.New("the server ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func ready(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/health/ready", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// kill ends the process the way a power cut would, as far as it can tell: SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop ends the process, politely first.
func (p *process) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(3 * time.Second):
		p.kill()
	}
}

// lastWords is the end of what the server wrote to its log.
func (p *process) lastWords() string { return p.words.String() }

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps the last 4 KiB.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(len(t.text)-4<<10, 0):]
	return len(b), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
