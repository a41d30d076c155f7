package viaplugin

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/webhook"
)

// process is one run of a plug-in.
type process struct {
	o      *Options
	log    *slog.Logger
	owner  *Service
	cmd    *exec.Cmd
	in     *os.File // what it reads
	out    *os.File // what it answers
	errs   *os.File // what it logs
	lines  chan []byte
	exited chan struct{} // closed when it is gone, its group included
	quiet  chan struct{} // closed when its output ended
	exit   error         // set before exited is closed

	places, taken int // of Service.places, under its lock

	mu      sync.Mutex
	calls   map[uint64]*call // in hand
	number  uint64           // of the latest call
	overdue int              // calls in hand that nobody waits for any more
	stuck   *time.Timer      // runs while all places are taken by those
	why     error            // why it was killed, or takes nothing more
	over    bool             // it ended, and its number may soon be somebody else's
	odd     int              // lines in a row that made no sense; the reader's own
}

// call is a delivery that a process has in hand.
type call struct {
	number uint64
	done   chan webhook.Outcome
	late   bool // nobody waits for it any more
}

// start starts the program with pipes, limits and a group of its own.
func (s *Service) start() (*process, error) {
	p := &process{
		o: &s.o, owner: s, calls: map[uint64]*call{}, lines: make(chan []byte, s.o.InFlight),
		exited: make(chan struct{}), quiet: make(chan struct{}),
	}
	p.cmd = exec.Command(program(s.o.Dir, s.o.Command), s.o.Args...)
	p.cmd.Dir, p.cmd.Env, p.cmd.SysProcAttr = s.o.Dir, environment(&s.o), ownGroup()
	theirs, err := p.pipes()
	if err != nil {
		return nil, fmt.Errorf("make its pipes: %w", err)
	}
	started := make(chan error, 1)
	go p.live(theirs, started)
	if err := <-started; err != nil {
		p.close()
		return nil, fmt.Errorf("it does not start: %w", err)
	}
	p.log = s.o.Logger.With("pid", p.cmd.Process.Pid)
	go p.write()
	go p.read()
	go p.copyLog()
	return p, nil
}

// program is the path of a command: with a slash below dir, else wherever PATH has it.
func program(dir, command string) string {
	if strings.ContainsRune(command, filepath.Separator) && !filepath.IsAbs(command) {
		return filepath.Join(dir, command)
	}
	return command
}

// NameVariable tells a plug-in the name that it is installed as.
const NameVariable = "SWITCHHOOK_PLUGIN"

// environment is what a plug-in sees: its name, what is passed on, and what is said
// for it.
func environment(o *Options) []string {
	env := []string{NameVariable + "=" + o.Name}
	for _, name := range Passed() {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, o.Env...)
}

// pipes makes the pipes and returns the ends that are the plug-in's.
func (p *process) pipes() (theirs []*os.File, err error) {
	var files []*os.File
	for range 3 {
		r, w, perr := os.Pipe()
		if perr != nil {
			for _, f := range files {
				_ = f.Close()
			}
			return nil, perr
		}
		files = append(files, r, w)
	}
	p.cmd.Stdin, p.in = files[0], files[1]
	p.out, p.cmd.Stdout = files[2], files[3]
	p.errs, p.cmd.Stderr = files[4], files[5]
	return []*os.File{files[0], files[3], files[5]}, nil
}

// live starts the program and waits for its end. It keeps its thread for that long:
// the program is killed when the thread that started it ends, so that it does not outlive
// the server.
func (p *process) live(theirs []*os.File, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.exited)
	err := p.cmd.Start()
	for _, f := range theirs {
		_ = f.Close()
	}
	if err != nil {
		started <- err
		return
	}
	pid := p.cmd.Process.Pid
	if err := holdTo(pid, p.o.Memory); err != nil {
		p.o.Logger.Warn("a plug-in is not held to its memory", "pid", pid, "error", err)
	}
	started <- nil
	waitUnreaped(pid)
	killGroup(pid) // whom it left behind
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	p.exit = p.cmd.Wait()
}

// close closes our ends of the pipes.
func (p *process) close() {
	_, _, _ = p.in.Close(), p.out.Close(), p.errs.Close()
}

// send gives the process a delivery, for which the caller has a place.
func (p *process) send(job *deliver.Job, deadline time.Time) *call {
	c := &call{done: make(chan webhook.Outcome, 1)}
	p.mu.Lock()
	if why := p.why; why != nil {
		p.mu.Unlock()
		p.owner.places.giveBack(p)
		c.done <- failed(webhook.ResultRetry, line(why.Error(), maxReason))
		return c
	}
	p.number++
	c.number = p.number
	p.calls[c.number] = c
	p.mu.Unlock()
	size := len(job.Event.Payload) + len(job.Endpoint.Config) + 1024
	select {
	case p.lines <- appendRequest(make([]byte, 0, size), c.number, job, deadline):
	default: // there is room for all that is in hand
		p.kill(errors.New("it answers deliveries that it has not read"))
	}
	return c
}

// write writes deliveries, as many at once as there are.
func (p *process) write() {
	for {
		select {
		case text := <-p.lines:
			for more := true; more; {
				select {
				case next := <-p.lines:
					text = append(text, next...)
				default:
					more = false
				}
			}
			if _, err := p.in.Write(text); err != nil {
				if !errors.Is(err, os.ErrClosed) {
					p.kill(errors.New("it closed its input"))
				}
				return
			}
		case <-p.exited:
			return
		}
	}
}

// late says that nobody waits for the call any more; it returns false when the outcome came
// at the same moment. Its place stays taken until the plug-in answers. When all
// places are, the plug-in hangs, and has a grace to end that.
func (p *process) late(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls[c.number] != c {
		return false
	}
	c.late = true
	p.overdue++
	if p.overdue >= p.capacity() && p.stuck == nil {
		p.stuck = time.AfterFunc(p.o.Grace, p.endHang)
	}
	return true
}

// capacity is how many places the process has.
func (p *process) capacity() int {
	p.owner.places.mu.Lock()
	defer p.owner.places.mu.Unlock()
	return p.places
}

func (p *process) endHang() {
	p.mu.Lock()
	hangs := p.overdue >= p.capacity()
	p.stuck = nil
	p.mu.Unlock()
	if hangs {
		p.kill(fmt.Errorf("it hangs: the deadlines of all %d deliveries in hand passed %s ago", p.capacity(), p.o.Grace))
	}
}

// kill ends the process and its group at once, and gives it nothing more. The first
// reason counts.
func (p *process) kill(why error) {
	p.owner.places.remove(p)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.why == nil {
		p.why = why
	}
	if !p.over {
		killGroup(p.cmd.Process.Pid)
	}
}

// stop asks the process to end, by ending its input, and kills it if it does not.
func (p *process) stop() {
	_ = p.in.Close()
	t := time.NewTimer(p.o.Stop)
	defer t.Stop()
	select {
	case <-p.exited:
	case <-t.C:
		p.kill(fmt.Errorf("it did not end within %s after its input did", p.o.Stop))
	}
}

// lastWords is how long the output of a process that is gone may still be read, and how
// long one that was killed may take to be gone.
const lastWords = 2 * time.Second

// bury waits for the end of a process and fails what it had in hand. It returns why it
// ended.
func (p *process) bury() error {
	t := time.NewTimer(lastWords)
	defer t.Stop()
	select {
	case <-p.exited:
	case <-t.C: // the system does not let go of it
	}
	p.owner.places.remove(p)
	_ = p.out.SetReadDeadline(time.Now().Add(lastWords)) // whoever escaped may hold it open
	<-p.quiet
	p.owner.places.remove(p) // if it said hello only now
	p.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.why == nil {
		p.why = fmt.Errorf("it ended: %s", p.status())
	}
	if p.stuck != nil {
		p.stuck.Stop()
	}
	for _, c := range p.calls {
		c.done <- failed(webhook.ResultRetry, line("the plug-in failed: "+p.why.Error(), maxReason))
	}
	clear(p.calls)
	return p.why
}

// status says how it ended.
func (p *process) status() string {
	select {
	case <-p.exited:
	default:
		return "not yet"
	}
	if p.exit == nil {
		return "exit status 0"
	}
	return p.exit.Error()
}

// clean says whether it ended with status 0.
func (p *process) clean() bool {
	select {
	case <-p.exited:
		return p.exit == nil
	default:
		return false
	}
}
