package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// row is one thing that is measured.
type row struct {
	name  string
	about string
	// local rows need no server, and are measured once.
	local bool
	// brief rows are measured with the first store alone in quick runs.
	brief bool
	// ratio rows are compared with the limit, which is measured before and after.
	ratio bool
	run   func(ctx context.Context, b *bench, store string) ([]figure, error)
}

// rows are all of them, in the order in which they run.
func rows() []row {
	return []row{
		{name: "first-delivery", about: "from an empty directory to the first delivery", brief: true, run: firstDelivery},
		{name: "idle", about: "a server with nothing to do", brief: true, run: idle},
		{name: "fan-out-10", about: "one POST an event, 10 endpoints want each; 64 callers", ratio: true, run: fanOutTen},
		{name: "fan-out-1", about: "one POST an event, 1 endpoint wants each; 256 callers; against the same with the store switched off", brief: true, ratio: true, run: fanOutOne},
		{name: "batch", about: "100 events a POST, 1 endpoint wants each; 16 callers", brief: true, ratio: true, run: batchIntake},
		{name: "quiet", about: "30 events/s, from the call to the receiver", brief: true, run: quiet},
		{name: "one-bad", about: "100 endpoints, 2,000 deliveries/s; one of them refuses connections, or hangs for 10 s", brief: true, run: oneBad},
		{name: "half-hang", about: "half of all events go to an endpoint that hangs", brief: true, run: halfHang},
		{name: "pending", about: "a million pending deliveries (quick: 100,000): memory, then a kill and a start", brief: true, run: pending},
		{name: "two-nodes", about: "one POST an event, 10 endpoints want each; two nodes on one PostgreSQL against one", run: twoNodes},
		{name: "moving", about: "a million pending deliveries (quick: 20,000) moved from SQLite to PostgreSQL", run: moving},
		{name: "match", about: "finding who wants an event among 200,000 subscriptions", local: true, run: matching},
		{name: "plug-in", about: "a plug-in that does nothing, against http to a receiver that does nothing; 64 at a time", local: true, run: pluginCost},
	}
}

// measure is the verb without a name.
func measure(ctx context.Context, args []string) error {
	b := &bench{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&b.quick, "quick", false, "less than a minute: shorter, and less of PostgreSQL")
	f.StringVar(&b.profiles, "profile", "", "write profiles of the servers into this `directory`")
	names := f.String("rows", "", "only these rows, `name,...`")
	list := f.Bool("list", false, "list the rows and end")
	if err := b.parse(ctx, f, args); err != nil {
		return err
	}
	chosen, err := choose(*names)
	if err != nil {
		return err
	}
	if *list {
		for _, r := range chosen {
			fmt.Printf("%-15s %s\n", r.name, r.about)
		}
		return nil
	}
	if b.profiles != "" {
		if err := os.MkdirAll(b.profiles, 0o755); err != nil {
			return err
		}
	}
	if b.receiver, err = startChild(ctx, roleReceiver, nil, b.verbose); err != nil {
		return err
	}
	defer b.receiver.kill()
	report, err := b.measure(ctx, chosen)
	if b.json != "-" {
		report.print()
	}
	return errors.Join(err, b.writeJSON(report))
}

func choose(names string) ([]row, error) {
	all := rows()
	if names == "" {
		return all, nil
	}
	var chosen []row
	for _, name := range strings.Split(names, ",") {
		i := slices.IndexFunc(all, func(r row) bool { return r.name == name })
		if i < 0 {
			return nil, fmt.Errorf("%w: there is no row %q", errUsage, name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// measure runs the rows, one after the other. A row that fails is reported and does
// not keep the others from running.
func (b *bench) measure(ctx context.Context, chosen []row) (*report, error) {
	rep := newReport(b)
	for _, r := range chosen {
		stores := b.stores
		if r.local {
			stores = []string{"-"}
		}
		for i, store := range stores {
			if b.quick && r.brief && i > 0 {
				continue
			}
			say("%-15s %-9s %s", r.name, store, r.about)
			e, err := b.measureRow(ctx, r, store, rep.lastLimit())
			if err != nil {
				return rep, err
			}
			rep.add(e)
		}
	}
	rep.Seconds = time.Since(rep.Started).Seconds()
	return rep, rep.failed()
}

// measureRow measures one row, with the limit on both sides where it is compared with
// it. The limit after the row before is the limit before this one.
func (b *bench) measureRow(ctx context.Context, r row, store string, before limit) (e entry, err error) {
	e = entry{Row: r.name, Store: store, About: r.about}
	begin := time.Now()
	if r.ratio {
		if e.Before = before; before == (limit{}) {
			if e.Before, err = b.limit(ctx); err != nil {
				return e, err
			}
		}
	}
	syncDisks() // what the row before wrote must not fall on this one
	figures, failed := r.run(ctx, b, store)
	if ctx.Err() != nil {
		return e, ctx.Err()
	}
	if failed != nil {
		e.Error = failed.Error()
	}
	if r.ratio {
		if e.After, err = b.limit(ctx); err != nil {
			return e, err
		}
	}
	e.Figures, e.Seconds = figures, time.Since(begin).Seconds()
	return e, nil
}

func (b *bench) limit(ctx context.Context) (limit, error) {
	return measureLimit(ctx, b.receiver, either(b, 300*time.Millisecond, 2*time.Second))
}
