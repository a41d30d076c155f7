package viaplugin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/internal/webhook"
	"github.com/switchhook/switchhook/plugin"
)

// Bounds on what a plug-in writes.
const (
	readBuffer = 64 << 10 // bytes
	maxOdd     = 100      // lines of output in a row that make no sense
	shownOdd   = 120      // bytes of such a line in the log
	logLine    = 4 << 10  // bytes of a line of its log
	logLines   = 50       // lines of it a second that we log, several times as many at once
	logBytes   = 1 << 20  // bytes of it a second that are read at all
)

var errLongLine = errors.New("a line is too long")

// readLine reads one line without its end, in a buffer that is good until the next
// call. A line of more than most bytes is errLongLine; the last one must have an end, too.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	text, err := r.ReadSlice('\n')
	if err == nil && len(text) <= most {
		return text[:len(text)-1], nil
	}
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	long := bytes.Clone(text)
	for err != nil {
		if len(long) > most {
			return nil, errLongLine
		}
		text, err = r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		long = append(long, text...)
	}
	if len(long) > most {
		return nil, errLongLine
	}
	return long[:len(long)-1], nil
}

// read reads the hello and then answers until the output ends. Output that breaks the
// rules ends the process.
func (p *process) read() {
	defer close(p.quiet)
	err := p.readAll()
	switch {
	case errors.Is(err, errLongLine):
		err = fmt.Errorf("it wrote a line of more than %d bytes", p.o.Line)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return // it is being buried
	case errors.Is(err, io.EOF):
		err = errors.New("it closed its output")
		t := time.NewTimer(lastWords)
		defer t.Stop()
		select {
		case <-p.exited: // that is how an end looks like from here
			return
		case <-t.C:
		}
	}
	p.kill(err)
}

func (p *process) readAll() error {
	r := bufio.NewReaderSize(p.out, min(readBuffer, p.o.Line+1)) // so that a longer line is seen at once
	_ = p.out.SetReadDeadline(time.Now().Add(p.o.Start))
	text, err := readLine(r, p.o.Line)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it said nothing for %s", p.o.Start)
	case err != nil:
		return err
	}
	h, err := readHello(text, p.o)
	if err != nil {
		return err
	}
	_ = p.out.SetReadDeadline(time.Time{})
	p.owner.greet(p, h)
	for {
		if text, err = readLine(r, p.o.Line); err != nil {
			return err
		}
		if err := p.answered(text); err != nil {
			return err
		}
	}
}

// answered takes an answer. An error means that the process writes nonsense all the time.
func (p *process) answered(text []byte) error {
	a := &plugin.Answer{}
	err := json.Unmarshal(text, a)
	if err != nil || a.Type != "" && a.Type != plugin.TypeAnswer {
		return p.strange("it wrote a line that is no answer", text)
	}
	number, _ := strconv.ParseUint(a.ID, 10, 64)
	p.mu.Lock()
	c := p.calls[number]
	if c != nil {
		delete(p.calls, number)
		p.settle(c)
	}
	p.mu.Unlock()
	if c == nil {
		return p.strange("it answered something that it was not asked, or a second time", text)
	}
	p.owner.places.giveBack(p)
	if c.late {
		p.log.Warn("a plug-in answered after the deadline", "id", a.ID, "result", string(a.Result))
		return nil
	}
	var out webhook.Outcome
	if out, err = outcomeOf(a); err != nil {
		err = p.strange("its answer makes no sense: "+err.Error(), text)
	} else {
		p.odd = 0
	}
	c.done <- out
	return err
}

// settle counts an answer of a call that was late. The lock is held.
func (p *process) settle(c *call) {
	if !c.late {
		return
	}
	p.overdue--
	if p.stuck != nil {
		p.stuck.Stop()
		p.stuck = nil
	}
}

// strange logs a line that makes no sense. Too many in a row are an error.
func (p *process) strange(what string, text []byte) error {
	p.odd++
	if p.odd > maxOdd {
		return fmt.Errorf("it wrote %d lines in a row that make no sense", p.odd)
	}
	if p.odd == 1 || p.odd == maxOdd {
		p.log.Warn("a plug-in does not keep to the protocol", "problem", what, "line", line(string(text), shownOdd))
	}
	return nil
}

// copyLog logs what the plug-in writes to standard error, within bounds. One that writes
// faster than it is read waits.
func (p *process) copyLog() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-p.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	r := bufio.NewReaderSize(p.errs, logLine)
	bytesPerSecond := rate.NewLimiter(logBytes, logBytes)
	linesPerSecond := rate.NewLimiter(logLines, 4*logLines)
	dropped := 0
	for {
		text, err := r.ReadSlice('\n')
		if shown := line(string(text), logLine); shown != "" {
			if linesPerSecond.Allow() {
				p.log.Info("plug-in says", "line", shown, "dropped", dropped)
				dropped = 0
			} else {
				dropped++
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
		_ = bytesPerSecond.WaitN(ctx, len(text)) // afterwards there is little left to read
	}
}
