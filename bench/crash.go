package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// crashOptions are what the crash proof is told.
type crashOptions struct {
	settings
	kills int
	seed  uint64
}

// proof is what a crash proof found, for one store.
type proof struct {
	Store      string  `json:"store"`
	Kills      int     `json:"kills"`
	Seed       uint64  `json:"seed"`
	Accepted   int     `json:"accepted"`   // events whose 202 arrived
	Owed       int     `json:"owed"`       // deliveries: each accepted event to each endpoint
	Delivered  int     `json:"delivered"`  // of those
	Lost       int     `json:"lost"`       // of those
	Repeated   int     `json:"repeated"`   // deliveries that had been answered with 200 before
	Refused    int     `json:"refused"`    // attempts that the receiver answered badly or not at all, on purpose
	Unanswered int     `json:"unanswered"` // posts that a kill left without an answer: accepted or not
	Seconds    float64 `json:"seconds"`
}

// crash kills servers under load and counts.
func crash(ctx context.Context, args []string) error {
	var o crashOptions
	f := flag.NewFlagSet("bench crash", flag.ContinueOnError)
	f.IntVar(&o.kills, "kills", 20, "how often a server is killed")
	f.Uint64Var(&o.seed, "seed", 1, "of the moments and of the receiver's moods")
	if err := o.parse(ctx, f, args); err != nil {
		return err
	}
	var proofs []proof
	var failed error
	for _, store := range o.stores {
		say("crash proof on %s, %d kills, seed %d", store, o.kills, o.seed)
		p, err := prove(ctx, o, store)
		if err != nil {
			return fmt.Errorf("%s: %w", store, err)
		}
		proofs = append(proofs, p)
		failed = errors.Join(failed, p.verdict())
	}
	if o.json != "-" {
		printProofs(proofs)
	}
	return errors.Join(failed, o.writeJSON(proofs))
}

func printProofs(proofs []proof) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "store\tkills\taccepted\towed\tdelivered\tlost\trepeated\trefused on purpose\tunanswered\ttook\t")
	for _, p := range proofs {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.0f s\t\n",
			p.Store, p.Kills, p.Accepted, p.Owed, p.Delivered, p.Lost, p.Repeated, p.Refused, p.Unanswered, p.Seconds)
	}
	w.Flush()
}

func (p proof) verdict() error {
	switch {
	case p.Accepted == 0:
		return fmt.Errorf("%s: nothing was accepted, so nothing was proved", p.Store)
	case p.Lost > 0:
		return fmt.Errorf("%s: %d deliveries were lost", p.Store, p.Lost)
	}
	return nil
}

// The load of the crash proof: enough that every kill hits work in hand, little
// enough that all of it has arrived soon after the last one.
const (
	crashEndpoints = 3
	crashCallers   = 12
	crashBatch     = 10                      // events in every post of one caller of four
	crashThink     = 16 * time.Millisecond   // of a caller between two posts, at most
	crashAlive     = 2000 * time.Millisecond // of a server before it is killed, at most
	crashStart     = 60 * time.Millisecond   // of a server that is killed while it starts, at most
	crashSettle    = 45 * time.Second        // until all has arrived in the end, at most
)

// crashRun is one server, killed again and again, with what surrounds it.
type crashRun struct {
	o          crashOptions
	rig        *rig
	moods      *rand.Rand // of the kills
	inbox      *inbox
	ledger     *ledger
	path       string // that events are posted to
	server     atomic.Pointer[child]
	unanswered atomic.Int64
}

// prove does the whole proof with one store.
func prove(ctx context.Context, o crashOptions, store string) (_ proof, err error) {
	begin := time.Now()
	b := &bench{settings: o.settings}
	c := &crashRun{o: o, moods: rand.New(rand.NewPCG(o.seed, 1))}
	if c.rig, err = b.newRig(ctx, store, false, "cluster.lease=3s"); err != nil {
		return proof{}, err
	}
	defer func() { err = errors.Join(err, c.rig.close()) }()
	if c.inbox, err = openInbox(o.seed); err != nil {
		return proof{}, err
	}
	defer c.inbox.close()
	if c.ledger, err = openLedger(filepath.Join(c.rig.dir, "accepted")); err != nil {
		return proof{}, err
	}
	if err := errors.Join(c.run(ctx), c.ledger.close()); err != nil {
		return proof{}, err
	}
	p, err := c.settle(ctx)
	p.Store, p.Kills, p.Seed, p.Seconds = store, o.kills, o.seed, time.Since(begin).Seconds()
	return p, err
}

// run puts the server under load and kills it as often as asked.
func (c *crashRun) run(ctx context.Context) error {
	c.server.Store(c.rig.server)
	if err := c.subscribe(ctx); err != nil {
		return err
	}
	loading, endLoad := context.WithCancel(ctx)
	failed := make(chan error, crashCallers)
	var callers sync.WaitGroup
	for i := range crashCallers {
		callers.Go(func() { failed <- c.call(loading, i) })
	}
	err := c.killOften(ctx)
	endLoad()
	callers.Wait()
	for range crashCallers {
		err = errors.Join(err, <-failed)
	}
	return err
}

func (c *crashRun) killOften(ctx context.Context) error {
	for n := 1; n <= c.o.kills; n++ {
		pause(ctx, c.upTo(crashAlive))
		if err := c.restart(ctx); err != nil {
			return err
		}
		if n%5 == 0 || n == c.o.kills {
			say("    %d kills, %d events accepted", n, c.ledger.len())
		}
	}
	pause(ctx, crashAlive/2) // the last server works a while, too
	return ctx.Err()
}

// upTo returns a random time.
func (c *crashRun) upTo(d time.Duration) time.Duration {
	return time.Duration(c.moods.Int64N(int64(d)))
}

// restart kills the server and starts it again, one time in four killing it once
// more while it starts.
func (c *crashRun) restart(ctx context.Context) error {
	c.rig.server.kill()
	if c.moods.IntN(4) == 0 {
		early, err := launchChild(roleServer, c.o.verbose)
		if err != nil {
			return err
		}
		t := time.AfterFunc(c.upTo(crashStart), early.kill)
		_, _ = early.ask(order{Server: &serverSpec{Set: c.rig.settings}}) // hardly ever answered
		t.Stop()
		early.kill()
	}
	if err := c.rig.start(ctx); err != nil {
		return err
	}
	c.server.Store(c.rig.server)
	return nil
}

// subscribe makes an account with endpoints that are tried again soon and often.
func (c *crashRun) subscribe(ctx context.Context) (err error) {
	schedule := append([]string{"100ms", "200ms", "400ms"}, slices.Repeat([]string{"1s"}, 60)...)
	var endpoints []endpoint
	for i := range crashEndpoints {
		endpoints = append(endpoints, endpoint{
			url: c.inbox.url(i), more: map[string]any{"retrySchedule": schedule, "timeoutSeconds": 2},
		})
	}
	c.path, err = c.rig.app(ctx, "crash", endpoints...)
	return err
}

// call posts events to whatever server is alive, and enters into the ledger what
// was accepted. One caller of four posts batches.
func (c *crashRun) call(ctx context.Context, number int) error {
	think := rand.New(rand.NewPCG(c.o.seed, uint64(number)+2))
	m, path := newMessage(eventType(0), 1), c.path
	if number%4 == 0 {
		m, path = newMessage(eventType(0), crashBatch), c.path+"/batch"
	}
	var at *child
	var line *conn
	for ctx.Err() == nil {
		if now := c.server.Load(); now != at {
			if line != nil {
				line.close()
			}
			at, line = now, newConn(now.ready.URL, now.ready.APIKey, path)
		}
		m.stamp(time.Now())
		a, err := line.post(m.body, "")
		switch {
		case err != nil: // the server is dead; what could not dial was never posted
			if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
				c.unanswered.Add(1)
			}
		case a.status == http.StatusAccepted:
			if err := c.ledger.enter(a.body); err != nil {
				return err
			}
		case !a.refused() && a.status != http.StatusServiceUnavailable:
			return fmt.Errorf("post: the server answered %d: %s", a.status, a.body)
		}
		pause(ctx, max(min(a.retryAfter, 100*time.Millisecond), time.Duration(think.Int64N(int64(crashThink)))))
	}
	if line != nil {
		line.close()
	}
	return nil
}

// settle waits until everything in the ledger, as its file has it, has arrived,
// and counts.
func (c *crashRun) settle(ctx context.Context) (proof, error) {
	ids, err := c.ledger.read()
	if err != nil {
		return proof{}, err
	}
	p := proof{Accepted: len(ids), Owed: len(ids) * crashEndpoints, Unanswered: int(c.unanswered.Load())}
	say("    waiting for what has not arrived yet: %d of %d deliveries", p.Owed-c.inbox.delivered(ids), p.Owed)
	c.inbox.calm()
	end := time.Now().Add(crashSettle)
	for {
		if p.Delivered = c.inbox.delivered(ids); p.Delivered == p.Owed || time.Now().After(end) {
			break
		}
		if !pause(ctx, 50*time.Millisecond) {
			return p, ctx.Err()
		}
	}
	p.Lost = p.Owed - p.Delivered
	p.Repeated, p.Refused = c.inbox.counts()
	return p, nil
}
