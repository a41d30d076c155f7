// Package viaplugin delivers through plug-ins: programs in any language that the
// server starts and keeps, which read one JSON line a delivery and answer with one. A plug-in is
// a service like any other. What it does wrong is an outcome of the delivery it had in
// hand, and a line in the log; it never harms anybody else. docs/plugins.md is the
// contract with those who write plug-ins, package plugin has its types. Where plug-ins
// are installed and what they are allowed is config's business.
//
// A reader finds: service.go the deliver.Service; request.go and outcome.go what is told and
// what is made of the answer; places.go who may deliver next; process.go one process from
// start to end; keep.go starting it again; hello.go what it says of itself; output.go the
// bounds on what it writes.
package viaplugin

import (
	"errors"
	"log/slog"
	"time"
)

// Options say how to run a plug-in. Zero fields take the defaults named.
type Options struct {
	Name    string   // of the service; required
	Dir     string   // where it runs, an absolute path
	Command string   // program; one with a slash is looked for in Dir; required
	Args    []string // of the program
	Env     []string // "NAME=value"; beside it a plug-in has Passed, and nothing of the server's

	Processes int           // that run at the same time: 1
	InFlight  int           // deliveries that one process gets at a time at most, whatever it asks for: 64
	Timeout   time.Duration // of a delivery whose endpoint has none of its own; 0 is the server's
	Start     time.Duration // from the start to the first line: 10 s
	Stop      time.Duration // from the end of its input to the end of the process: 5 s
	Grace     time.Duration // how long all its places may be taken by deliveries that are overdue: 5 s
	Line      int           // bytes of one line of its output: 1 MiB
	Memory    int64         // bytes of memory of each process, where the system can hold it to that; 0 is no limit

	Logger *slog.Logger // nil logs nothing
}

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" || o.Command == "" {
		return o, errors.New("viaplugin: a plug-in needs a name and a command")
	}
	for _, d := range []struct {
		v   *int
		def int
	}{
		{&o.Processes, 1},
		{&o.InFlight, 64},
		{&o.Line, 1 << 20},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&o.Start, 10 * time.Second},
		{&o.Stop, 5 * time.Second},
		{&o.Grace, 5 * time.Second},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Logger = o.Logger.With("plugin", o.Name)
	return o, nil
}

// Passed lists the variables of the server's environment that plug-ins see.
func Passed() []string {
	return []string{"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}
}
