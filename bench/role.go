package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/switchhook/switchhook/plugin"
)

// roleVariable tells a child process what it is.
const roleVariable = "BENCH_ROLE"

// The roles.
const (
	roleReceiver = "receiver"
	roleServer   = "server"
)

// order is what the parent asks of a child; one JSON value a line.
type order struct {
	Do     string // one of the do… below
	Server *serverSpec
	Group  string // of the receiver
	Mode   mode   // for that group
	File   string // for the profile
}

// What a child can do.
const (
	doUsage   = "usage"   // both: how much it used so far
	doProfile = "profile" // both: begin, or with no file end, a CPU profile
	doHeap    = "heap"    // both: write a profile of the memory in use
	doSet     = "set"     // receiver: how a group answers
	doReset   = "reset"   // receiver: forget what came
	doStats   = "stats"   // receiver: what came
)

// reply is a child's answer; the first one comes unasked when it is ready.
type reply struct {
	Error  string
	URL    string
	APIKey string
	Usage  usage
	Groups map[string]groupStats
}

// child is this program again, in a role.
type child struct {
	role  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
	words *tail
	ready reply // what it said first

	mu  sync.Mutex
	in  io.WriteCloser
	out *json.Decoder
}

// startLimit bounds how long a child may take until it is ready.
const startLimit = 60 * time.Second

// startChild starts a process and returns when it is ready.
func startChild(ctx context.Context, role string, spec *serverSpec, verbose bool) (*child, error) {
	c, err := launchChild(role, verbose)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	late := time.AfterFunc(startLimit, c.kill)
	defer late.Stop()
	if c.ready, err = c.ask(order{Server: spec}); err != nil {
		c.kill()
		return nil, fmt.Errorf("start the %s: %w\n%s", role, errors.Join(err, ctx.Err()), c.words)
	}
	return c, nil
}

// launchChild starts a process, which waits for its first order.
func launchChild(role string, verbose bool) (*child, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{role: role, cmd: exec.Command(binary), ended: make(chan struct{}), words: &tail{}}
	c.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	c.cmd.Stderr = c.words
	if verbose {
		c.cmd.Stderr = io.MultiWriter(os.Stderr, c.words)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stdout = w
	c.out = json.NewDecoder(out)
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close(), w.Close())
	}
	w.Close()
	go func() {
		_ = c.cmd.Wait() // how it ended is of no interest: some are killed
		out.Close()
		close(c.ended)
	}()
	return c, nil
}

// ask gives an order and waits for the reply.
func (c *child) ask(o order) (reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var r reply
	if err := json.NewEncoder(c.in).Encode(o); err != nil {
		return r, fmt.Errorf("ask the %s: %w", c.role, err)
	}
	if err := c.out.Decode(&r); err != nil {
		return r, fmt.Errorf("hear the %s: %w", c.role, err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// kill ends the process with SIGKILL and waits until it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may be gone already
	<-c.ended
}

// play is the main function of a child.
func play(role string) int {
	if role == rolePlugin {
		plugin.Main(idlePlugin()) // ends the process
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := &stage{in: json.NewDecoder(os.Stdin), out: json.NewEncoder(os.Stdout), end: cancel}
	roles := map[string]func(context.Context, *stage) error{roleReceiver: playReceiver, roleServer: playServer}
	if err := roles[role](ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		_ = s.out.Encode(reply{Error: err.Error()})
		return exitFailed
	}
	return exitOK
}

// stage is where a child hears its orders.
type stage struct {
	in  *json.Decoder
	out *json.Encoder
	end context.CancelFunc
}

// first returns the order that starts the child.
func (s *stage) first() (order, error) {
	var o order
	err := s.in.Decode(&o)
	return o, err
}

// obey says that the child is ready, and carries out orders until the parent is
// gone or has no more; then it ends the child.
func (s *stage) obey(ready reply, do func(order) (reply, error)) {
	defer s.end()
	var profile *os.File
	for err := s.out.Encode(ready); err == nil; {
		var o order
		if err = s.in.Decode(&o); err != nil {
			return
		}
		var r reply
		var failed error
		switch o.Do {
		case doUsage:
			r.Usage = ownUsage()
		case doProfile:
			profile, failed = profileTo(profile, o.File)
		case doHeap:
			failed = heapTo(o.File)
		default:
			r, failed = do(o)
		}
		if failed != nil {
			r.Error = failed.Error()
		}
		err = s.out.Encode(r)
	}
}

// profileTo ends the profile that is being written, if there is one, and begins one
// in a file, if it has a name.
func profileTo(now *os.File, name string) (*os.File, error) {
	if now != nil {
		pprof.StopCPUProfile()
		if err := now.Close(); err != nil {
			return nil, err
		}
	}
	if name == "" {
		return nil, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return f, pprof.StartCPUProfile(f)
}

// heapTo writes a profile of the memory in use, as of the last collection.
func heapTo(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}

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
