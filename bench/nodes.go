package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/testkit"
)

// nodesOptions are what the proof of several nodes is told.
type nodesOptions struct {
	settings
	nodes  int
	rounds int
	seed   uint64
}

// nodesProof is what the proof of several nodes found.
type nodesProof struct {
	Nodes       int            `json:"nodes"`
	Seed        uint64         `json:"seed"`
	Deeds       map[string]int `json:"deeds"`        // what was done to nodes, and how often
	Accepted    int            `json:"accepted"`     // events whose 202 arrived
	Owed        int            `json:"owed"`         // deliveries: each accepted event to each endpoint
	Delivered   int            `json:"delivered"`    // of those
	Lost        int            `json:"lost"`         // of those
	Repeated    int            `json:"repeated"`     // deliveries that had been answered with 200 before
	RepeatsMost int            `json:"repeats_most"` // what they may be at most
	Disorder    int            `json:"disorder"`     // at ordered endpoints: first deliveries after a later event's
	Late        int            `json:"late_repeats"` // at ordered endpoints: repeats after a later event's delivery
	Unanswered  int            `json:"unanswered"`   // posts without an answer: accepted or not
	Refused     int            `json:"refused"`      // posts answered 503 or 429
	Longest     float64        `json:"longest"`      // seconds from an answer to the delivery, whatever happened
	Seconds     float64        `json:"seconds"`
}

// What the proof does: enough that each deed hits work in hand.
const (
	nodesLease     = 3 * time.Second
	nodesEndpoints = 12 // every second one is ordered
	nodesInFlight  = 4  // attempts to an endpoint at the same time
	nodesCallers   = 8
	nodesThink     = 400 * time.Millisecond // of a caller between two posts, at most
	nodesAlive     = 1500 * time.Millisecond
	nodesDown      = 2 * nodesLease // of a node that is frozen or cut off, at most
	nodesSettle    = 60 * time.Second
)

// nodesRun is several servers on one database, each behind a proxy of its own.
type nodesRun struct {
	o       nodesOptions
	moods   *rand.Rand
	dir     string
	base    *database
	nodes   []*nodeUnder
	inbox   *ordersInbox
	posts   *orderBook
	path    string
	key     string
	deeds   map[string]int
	refused atomic.Int64
}

// nodeUnder is a node under test.
type nodeUnder struct {
	settings []string
	proxy    *testkit.Proxy
	server   atomic.Pointer[child]
}

// proveNodes kills, freezes and cuts off nodes under load and counts.
func proveNodes(ctx context.Context, args []string) error {
	var o nodesOptions
	f := flag.NewFlagSet("bench nodes", flag.ContinueOnError)
	f.IntVar(&o.nodes, "nodes", 3, "how many nodes")
	f.IntVar(&o.rounds, "rounds", 20, "how often something is done to one of them")
	f.Uint64Var(&o.seed, "seed", 1, "of what is done when to which, and of the receiver's moods")
	if err := o.parse(ctx, f, args); err != nil {
		return err
	}
	if !slices.Contains(o.stores, storePostgres) {
		return errors.New("nodes need a PostgreSQL")
	}
	say("%d nodes, %d rounds, seed %d", o.nodes, o.rounds, o.seed)
	p, err := runNodes(ctx, o)
	if err != nil {
		return err
	}
	if o.json != "-" {
		p.print()
	}
	return errors.Join(p.verdict(), o.writeJSON(p))
}

func (p nodesProof) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "nodes\tkilled\tfrozen\tcut off\thung\taccepted\towed\tdelivered\tlost\tout of order\trepeated (at most)\tlate repeats\tunanswered\tlongest\ttook\t")
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d (%d)\t%d\t%d\t%.1f s\t%.0f s\t\n", p.Nodes,
		p.Deeds["kill"], p.Deeds["freeze"], p.Deeds["cut"], p.Deeds["hang"], p.Accepted, p.Owed, p.Delivered, p.Lost,
		p.Disorder, p.Repeated, p.RepeatsMost, p.Late, p.Unanswered, p.Longest, p.Seconds)
	w.Flush()
}

func (p nodesProof) verdict() error {
	switch {
	case p.Accepted == 0:
		return errors.New("nothing was accepted, so nothing was proved")
	case p.Lost > 0:
		return fmt.Errorf("%d deliveries were lost", p.Lost)
	case p.Disorder > 0:
		return fmt.Errorf("%d deliveries came out of order", p.Disorder)
	case p.Repeated > p.RepeatsMost:
		return fmt.Errorf("%d deliveries were repeated, which should be %d at most", p.Repeated, p.RepeatsMost)
	}
	return nil
}

func runNodes(ctx context.Context, o nodesOptions) (_ nodesProof, err error) {
	begin := time.Now()
	r := &nodesRun{o: o, moods: rand.New(rand.NewPCG(o.seed, 1)), deeds: map[string]int{}, posts: newOrderBook()}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.start(ctx); err != nil {
		return nodesProof{}, err
	}
	loading, endLoad := context.WithCancel(ctx)
	var callers sync.WaitGroup
	for i := range nodesCallers {
		callers.Go(func() { r.call(loading, i) })
	}
	err = r.act(ctx)
	endLoad()
	callers.Wait()
	if err != nil {
		return nodesProof{}, err
	}
	p := r.settle(ctx)
	p.Seconds = time.Since(begin).Seconds()
	return p, ctx.Err()
}

// start makes the database, the nodes, an account and its endpoints.
func (r *nodesRun) start(ctx context.Context) (err error) {
	if r.dir, err = os.MkdirTemp(r.o.dir, "switchhook-bench-"); err != nil {
		return err
	}
	if r.base, err = newDatabase(ctx, r.o.postgres); err != nil {
		return err
	}
	if r.inbox, err = openOrdersInbox(r.o.seed); err != nil {
		return err
	}
	for i := range r.o.nodes {
		n := &nodeUnder{}
		u, err := url.Parse(r.base.url)
		if err != nil {
			return err
		}
		if n.proxy, err = testkit.NewProxy(u.Host); err != nil {
			return err
		}
		r.nodes = append(r.nodes, n)
		u.Host = n.proxy.Addr()
		n.settings = append([]string{
			"data_dir=" + filepath.Join(r.dir, fmt.Sprint(i)), "listen=127.0.0.1:0", "egress.allow=loopback", "log.level=warn",
			"secret_key=" + strings.Repeat("5a", 32), fmt.Sprintf("cluster.node=n%d", i), "cluster.lease=" + nodesLease.String(),
			"database_url=" + u.String(),
		}, r.o.config...)
		if err := n.start(ctx, r.o.verbose); err != nil {
			return err
		}
	}
	first := r.nodes[0].server.Load()
	r.key = first.ready.APIKey
	api, err := client.New(first.ready.URL, r.key)
	if err != nil {
		return err
	}
	schedule := append([]string{"100ms", "200ms", "400ms"}, slices.Repeat([]string{"1s"}, 60)...)
	var endpoints []endpoint
	for i := range nodesEndpoints {
		more := map[string]any{"retrySchedule": schedule, "timeoutSeconds": 5, "maxInFlight": nodesInFlight}
		if isOrdered(i) {
			more["ordering"] = "fifo"
		}
		endpoints = append(endpoints, endpoint{url: r.inbox.url(i), more: more})
	}
	one := &rig{b: &bench{settings: r.o.settings}, api: api}
	if r.path, err = one.app(ctx, "nodes", endpoints...); err != nil {
		return err
	}
	return inStep(ctx, api, r.o.nodes)
}

// inStep waits until all nodes know what is configured, as they said with their last beat.
func inStep(ctx context.Context, api *client.Client, nodes int) error {
	for {
		answer, err := api.Operate(ctx, "GET", "/cluster/nodes", nil)
		if err != nil {
			return err
		}
		var c struct {
			Nodes []struct{ ChangeLag int }
		}
		if err := json.Unmarshal(answer, &c); err != nil {
			return err
		}
		ready := 0
		for _, n := range c.Nodes {
			if n.ChangeLag == 0 {
				ready++
			}
		}
		if ready >= nodes {
			return nil
		}
		if !pause(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

func isOrdered(endpoint int) bool { return endpoint%2 == 0 }

func (n *nodeUnder) start(ctx context.Context, verbose bool) error {
	c, err := startChild(ctx, roleServer, &serverSpec{Set: n.settings}, verbose)
	if err == nil {
		n.server.Store(c)
	}
	return err
}

func (r *nodesRun) close() error {
	var errs []error
	for _, n := range r.nodes {
		if c := n.server.Load(); c != nil {
			c.kill()
		}
		n.proxy.Close()
	}
	if r.inbox != nil {
		r.inbox.close()
	}
	if r.base != nil {
		errs = append(errs, r.base.drop())
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}

func (r *nodesRun) upTo(d time.Duration) time.Duration {
	return time.Duration(r.moods.Int64N(int64(d)))
}

// act does something to a node, again and again. A node that is frozen or cut off is so
// for longer than the others wait, two times of three.
func (r *nodesRun) act(ctx context.Context) error {
	for round := range r.o.rounds {
		pause(ctx, nodesAlive/2+r.upTo(nodesAlive))
		n := r.nodes[r.moods.IntN(len(r.nodes))]
		down := nodesLease/2 + r.upTo(nodesDown)
		server := n.server.Load()
		deed := []string{"kill", "freeze", "cut", "hang"}[round%4]
		r.deeds[deed]++
		switch deed {
		case "kill":
			server.kill()
			pause(ctx, down/4)
			if err := n.start(ctx, r.o.verbose); err != nil {
				return err
			}
		case "freeze":
			if err := freeze(server.cmd.Process); err != nil {
				return err
			}
			pause(ctx, down)
			if err := thaw(server.cmd.Process); err != nil {
				return err
			}
		case "cut":
			n.proxy.Cut()
			pause(ctx, down)
			n.proxy.Restore()
		case "hang":
			n.proxy.Freeze()
			pause(ctx, down)
			n.proxy.Restore()
		}
		if (round+1)%5 == 0 || round+1 == r.o.rounds {
			say("    %d rounds, %d events accepted", round+1, r.posts.len())
		}
	}
	pause(ctx, nodesAlive)
	return ctx.Err()
}

// settle waits until everything that was answered has arrived, and counts.
func (r *nodesRun) settle(ctx context.Context) nodesProof {
	r.inbox.calm()
	accepted := r.posts.all()
	p := nodesProof{
		Nodes: r.o.nodes, Seed: r.o.seed, Deeds: r.deeds, Accepted: len(accepted), Owed: len(accepted) * nodesEndpoints,
		Unanswered: r.posts.unanswered(), Refused: int(r.refused.Load()),
	}
	say("    waiting for what has not arrived yet: %d of %d deliveries", p.Owed-r.inbox.delivered(accepted), p.Owed)
	for end := time.Now().Add(nodesSettle); ; {
		if p.Delivered = r.inbox.delivered(accepted); p.Delivered == p.Owed || time.Now().After(end) {
			break
		}
		if !pause(ctx, 50*time.Millisecond) {
			break
		}
	}
	p.Lost = p.Owed - p.Delivered
	r.inbox.count(&p, accepted)
	// A node that goes down leaves behind what is in flight and what was sent since
	// the last commit that succeeded: a second of commits is late, then it stops sending.
	rate := float64(p.Delivered) / time.Since(r.posts.begun).Seconds()
	p.RepeatsMost = r.o.rounds * (nodesEndpoints*nodesInFlight + int(2*rate))
	return p
}
