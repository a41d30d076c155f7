// Package cli is the command line: one verb a file. It reads flags, calls the
// server or its API, and prints. Nothing is decided here that the API does not
// decide, too.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it was tried and did not work
	exitUsage  = 2 // the command line or the configuration is wrong
)

// session is what one invocation of a verb runs in.
type session struct {
	ctx context.Context // done on Ctrl-C
	in  io.Reader
	out io.Writer
	err io.Writer
}

// grammar is the command line as kong reads it. Each verb is in the file of its
// name.
type grammar struct {
	Demo    demoVerb    `cmd:"" help:"Show what it does, on this machine, from nothing." group:"server"`
	Serve   serveVerb   `cmd:"" help:"Run the server." group:"server"`
	Init    initVerb    `cmd:"" help:"Make the database and print the root credentials, without serving." group:"server"`
	Backup  backupVerb  `cmd:"" help:"Copy the SQLite database, also while the server runs." group:"server"`
	Nodes   nodesVerb   `cmd:"" help:"Show the nodes on one PostgreSQL: who is there, what each holds, how far behind it is." group:"server"`
	Migrate migrateVerb `cmd:"" help:"Bring the database's tables up to date, as a start does, and show how they stand." group:"server"`
	Import  importVerbs `cmd:"" help:"Move in from another server." group:"server"`
	Config  configVerbs `cmd:"" help:"Check or print the configuration." group:"server"`
	Plugin  pluginVerbs `cmd:"" help:"Plug-ins: services that are programs of their own." group:"server"`
	Version versionVerb `cmd:"" help:"Print the version." group:"server"`

	MigrateStore migrateStoreVerb `cmd:"" help:"Move an installation from SQLite to PostgreSQL." group:"server"`

	Account accountVerbs `cmd:"" help:"Accounts: the tenants below the master account, as the Kazoo dialect has them." group:"server"`
	User    userVerbs    `cmd:"" help:"Users of accounts, who log in with name and password." group:"server"`
	Kazoo   kazooVerbs   `cmd:"" help:"The upkeep of Kazoo's webhooks." group:"server"`

	Send   sendVerb   `cmd:"" help:"Send an event." group:"everyday"`
	Listen listenVerb `cmd:"" help:"Receive an app's events here: register an endpoint, verify, print, forward." group:"everyday"`
	Tail   tailVerb   `cmd:"" help:"Show attempts as they happen." group:"everyday"`
	Verify verifyVerb `cmd:"" help:"Verify a webhook's signature; the body comes on standard input." group:"everyday"`

	App       appVerbs       `cmd:"" help:"Apps: the accounts that events and endpoints belong to." group:"manage"`
	Endpoint  endpointVerbs  `cmd:"" help:"Endpoints: where an app's events are delivered." group:"manage"`
	EventType eventTypeVerbs `cmd:"" help:"The catalogue of event types." group:"manage"`
	Message   messageVerbs   `cmd:"" help:"Messages: the events of an app." group:"manage"`
	Attempt   attemptVerbs   `cmd:"" help:"Attempts to deliver." group:"manage"`
	Key       keyVerbs       `cmd:"" help:"API keys." group:"manage"`
	Wazo      wazoVerbs      `cmd:"" help:"Tenants and tokens of Wazo, where no wazo-auth has them." group:"manage"`
}

// usageError is a wrong command line or configuration.
type usageError struct{ error }

// Unwrap returns the cause.
func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exit is how kong's help leaves the parser.
type exit int

// Main runs one command line and returns the exit code of the process. SIGINT and
// SIGTERM ask the verb to end; a second one ends the process.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(&session{ctx: ctx, in: stdin, out: stdout, err: stderr}, args)
}

func run(s *session, args []string) (code int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			code = int(r)
		default:
			panic(r)
		}
	}()
	var g grammar
	parser, err := kong.New(&g,
		kong.Name("switchhook"),
		kong.Description("A self-hosted webhooks server."),
		kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "server", Title: "The server"},
			{Key: "everyday", Title: "Everyday"},
			{Key: "manage", Title: "What is on the server"},
		}),
	)
	if err != nil {
		panic(err) // the grammar itself is wrong
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(s.err, "switchhook: %v\nTry --help.\n", err)
		return exitUsage
	}
	err = command.Run(s)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(s.err, "switchhook: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}
