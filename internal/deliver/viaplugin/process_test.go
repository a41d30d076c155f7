package viaplugin

import (
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/webhook"
)

// outlived waits until nobody has the FIFO open for writing any more.
func outlived(t *testing.T, fifo *os.File) {
	t.Helper()
	if err := fifo.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(fifo); err != nil {
		t.Errorf("somebody still runs: %v", err)
	}
}

func TestWhatAPlugInStartedEndsWithIt(t *testing.T) {
	dir := t.TempDir()
	path := makeFIFO(t, dir)
	r := shell(t, greeting+"sleep 1000 > fifo & "+answers, Options{Dir: dir})
	fifo, err := os.Open(path) // waits for the writer
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	if out := r.deliver(""); out.Result != webhook.ResultDelivered {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	r.stop()
	outlived(t, fifo)
}

func TestAPlugInThatDoesNotEndIsKilled(t *testing.T) {
	dir := t.TempDir()
	path := makeFIFO(t, dir)
	r := shell(t, greeting+"trap '' TERM INT HUP; exec sleep 1000 > fifo", Options{Dir: dir, Stop: 50 * time.Millisecond})
	fifo, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	r.stop()
	outlived(t, fifo)
}

// serverVariable makes this test program a server that is killed: it runs one plug-in in the
// directory that the variable names.
const serverVariable = "SERVER_UNDER_TEST"

func TestAPlugInDoesNotOutliveTheServer(t *testing.T) {
	if dir := os.Getenv(serverVariable); dir != "" {
		s, err := New(Options{Name: "script", Command: "sh", Args: []string{"-c", "exec sleep 1000 > fifo"}, Dir: dir, Start: patience})
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Run(context.Background())
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("no other system kills it")
	}
	dir := t.TempDir()
	path := makeFIFO(t, dir)
	server := exec.Command(self(t), "-test.run=^"+t.Name()+"$")
	server.Env = append(os.Environ(), serverVariable+"="+dir)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait()
	outlived(t, fifo)
}

func TestMemoryIsHeld(t *testing.T) {
	if !MemoryIsHeld {
		t.Skip("this system holds nobody to it")
	}
	r := runActor(t, Options{Memory: 512 << 20})
	setBehaviour(t, r.dir, eats)
	if out := r.deliver(""); out.Result != webhook.ResultRetry {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	r.log.wait(t, "plug-in failed", 1)
	setBehaviour(t, r.dir, delivertest.Accepts)
	if out := r.deliver(""); out.Result != webhook.ResultDelivered {
		t.Errorf("afterwards: %v: %s", out.Result, out.Detail)
	}
}

func TestWhatIsInHandIsFinishedAtTheEnd(t *testing.T) {
	r := runActor(t, Options{Processes: 3})
	done := make(chan webhook.Outcome)
	for range 20 {
		go func() { done <- r.deliver("") }()
	}
	for range 20 {
		if out := <-done; out.Result != webhook.ResultDelivered {
			t.Errorf("got %v: %s", out.Result, out.Detail)
		}
	}
	r.stop()
	if out := r.deliver(""); out.Result != webhook.ResultRetry || out.Detail != "the plug-in does not run" {
		t.Errorf("after the end: %v: %s", out.Result, out.Detail)
	}
	if n := len(r.log.lines("plug-in failed")); n != 0 {
		t.Errorf("%d processes failed", n)
	}
}
