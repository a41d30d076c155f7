// Command bench measures Switchhook and proves what it promises of crashes.
//
//	go run ./bench                    every row, SQLite and PostgreSQL (where one is reachable)
//	go run ./bench -quick             the same in less than a minute
//	go run ./bench -rows fan-out-10   one row
//	go run ./bench -list              the names of the rows
//	go run ./bench crash -kills 20    SIGKILL at random moments: is anything lost?
//	go run ./bench nodes -rounds 20   several nodes, of which one is killed, frozen or cut off
//
// What lasts is a ratio: between and beside the rows it measures the limit, a bare
// POST of the same signed kilobyte from net/http to net/http, and says how much of
// the limit is left when the same delivery is accepted durably, delivered and
// recorded durably. 1 would mean that Switchhook costs nothing. The processor time
// of a row is that of every process that took part: callers, server, receiver,
// PostgreSQL.
//
// A reader finds: rows.go the list of rows, with row_*.go what each does; limit.go
// the limit; rig.go a server with its accounts; role.go the child processes, which
// are this program again; load.go and post.go the callers; report.go the table;
// crash.go the crash proof with its ledger; nodes.go the proof of several nodes. docs/benchmarks.md says how to read the
// results.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() { os.Exit(run()) }

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func run() int {
	if role := os.Getenv(roleVariable); role != "" {
		return play(role)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	args := os.Args[1:]
	verb := measure
	if len(args) > 0 {
		if v, ok := map[string]func(context.Context, []string) error{"crash": crash, "nodes": proveNodes}[args[0]]; ok {
			verb, args = v, args[1:]
		}
	}
	err := verb(ctx, args)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "bench:", err)
		return exitUsage
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return exitFailed
}

var errUsage = errors.New("wrong command line")

// settings are what both verbs can be told.
type settings struct {
	stores   []string
	postgres string
	dir      string
	json     string
	config   []string
	verbose  bool
}

func (s *settings) register(f *flag.FlagSet) *string {
	f.StringVar(&s.postgres, "postgres", postgresURL(), "URL of a PostgreSQL `server` where a database can be made")
	f.StringVar(&s.dir, "dir", "", "`directory` for databases, on a real disk; default: the system's temporary one")
	f.StringVar(&s.json, "json", "", "write the results as JSON to this `file`, too; - is standard output, instead of the table")
	f.Func("set", "`key=value` for the configuration of all servers; repeatable", func(v string) error {
		s.config = append(s.config, v)
		return nil
	})
	f.BoolVar(&s.verbose, "v", false, "show what the servers log")
	return f.String("store", "sqlite,postgres", "the `stores` to use, sqlite, postgres or both, as far as they are reachable")
}

// parse reads the command line and finds out which stores there are.
func (s *settings) parse(ctx context.Context, f *flag.FlagSet, args []string) error {
	stores := s.register(f)
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errors.Join(errUsage, err)
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%w: what is %q?", errUsage, f.Arg(0))
	}
	if *stores == "both" {
		*stores = f.Lookup("store").DefValue
	}
	for _, name := range strings.Split(*stores, ",") {
		switch name {
		case storeSQLite:
		case storePostgres:
			if err := reachable(ctx, s.postgres); err != nil {
				say("PostgreSQL is left out, it is not reachable: %v", err)
				continue
			}
		default:
			return fmt.Errorf("%w: -store knows sqlite and postgres, not %q", errUsage, name)
		}
		s.stores = append(s.stores, name)
	}
	if len(s.stores) == 0 {
		return errors.New("there is no store to measure")
	}
	return nil
}

// writeJSON writes v to the file of -json, if one is asked for.
func (s *settings) writeJSON(v any) error {
	if s.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if s.json == "-" {
		_, err = os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(s.json, text, 0o644)
}

// say shows progress.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
