package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
)

// The stores that can be measured.
const (
	storeSQLite   = "sqlite"
	storePostgres = "postgres"
)

// bench is one run.
type bench struct {
	settings
	quick    bool
	profiles string // directory, or ""
	receiver *child
}

// either returns the first in a quick run, else the second.
func either[T any](b *bench, quick, full T) T {
	if b.quick {
		return quick
	}
	return full
}

// rig is a server on an empty store of its own.
type rig struct {
	b        *bench
	store    string
	off      bool // the store is switched off
	dir      string
	settings []string // "key=value" for the server
	database *database
	server   *child
	api      *client.Client
}

// newRig starts a server with more settings, each "key=value".
func (b *bench) newRig(ctx context.Context, store string, off bool, settings ...string) (_ *rig, err error) {
	r := &rig{b: b, store: store, off: off}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.dir, err = os.MkdirTemp(b.dir, "switchhook-bench-"); err != nil {
		return nil, err
	}
	r.settings = append([]string{
		"data_dir=" + filepath.Join(r.dir, "data"), "listen=127.0.0.1:0", "egress.allow=loopback", "log.level=warn",
	}, settings...)
	r.settings = append(r.settings, b.config...)
	if store == storePostgres {
		if r.database, err = newDatabase(ctx, b.postgres); err != nil {
			return nil, err
		}
		r.settings = append(r.settings, "database_url="+r.database.url)
	}
	return r, r.start(ctx)
}

// start starts the server, again after a kill.
func (r *rig) start(ctx context.Context) (err error) {
	if r.server, err = startChild(ctx, roleServer, &serverSpec{Set: r.settings, StoreOff: r.off}, r.b.verbose); err != nil {
		return err
	}
	r.api, err = client.New(r.server.ready.URL, r.server.ready.APIKey)
	return err
}

// close ends the server and deletes what it stored.
func (r *rig) close() error {
	var errs []error
	if r.server != nil {
		r.server.kill() // there is nothing worth to be drained
	}
	if r.database != nil {
		errs = append(errs, r.database.drop())
	}
	if r.dir != "" {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}

// meter measures the processor time of everything that the rig uses.
func (r *rig) meter() *meter {
	m := &meter{parts: []part{callers(), {"server", cpuOf(r.server)}, {"receiver", cpuOf(r.b.receiver)}}}
	if r.database != nil {
		m.parts = append(m.parts, part{"postgres", r.database.cpu})
	}
	return m
}

// endpoint is one that a row wants.
type endpoint struct {
	url   string // where it is, or
	group string // of the receiver
	types []string
	more  map[string]any // other fields on the wire
}

// app makes an account with endpoints and returns the path that its events are posted to.
func (r *rig) app(ctx context.Context, name string, endpoints ...endpoint) (string, error) {
	app, err := r.api.CreateApp(ctx, map[string]any{"name": name, "uid": name}, false)
	if err != nil {
		return "", fmt.Errorf("make an account: %w", err)
	}
	for i, e := range endpoints {
		fields := map[string]any{"url": e.url}
		if e.url == "" {
			fields["url"] = fmt.Sprintf("%s/%s/%d", r.b.receiver.ready.URL, e.group, i)
		}
		if len(e.types) > 0 {
			fields["eventTypes"] = e.types
		}
		for k, v := range e.more {
			fields[k] = v
		}
		if _, err := r.api.Endpoints(app.Value.ID).Create(ctx, fields); err != nil {
			return "", fmt.Errorf("make an endpoint: %w", err)
		}
	}
	return "/api/v1/app/" + app.Value.ID + "/msg", nil
}

// eventTypes puts n names into the catalogue.
func (r *rig) eventTypes(ctx context.Context, n int) error {
	for i := range n {
		if _, err := r.api.EventTypes().Create(ctx, map[string]any{"name": eventType(i), "description": ""}); err != nil {
			return fmt.Errorf("make an event type: %w", err)
		}
	}
	return nil
}

func eventType(i int) string { return fmt.Sprintf("bench.type%d", i) }

// load returns callers for an account.
func (r *rig) load(path string, callers int, message func(caller int) *message) *load {
	return &load{url: r.server.ready.URL, key: r.server.ready.APIKey, path: path, callers: callers, message: message}
}

// received asks the receiver what came for a group.
func (b *bench) received(group string) (groupStats, error) {
	r, err := b.receiver.ask(order{Do: doStats})
	return r.Groups[group], err
}

// reset lets the receiver forget what came.
func (b *bench) reset() error {
	_, err := b.receiver.ask(order{Do: doReset})
	return err
}

// set tells the receiver how a group answers.
func (b *bench) set(group string, m mode) error {
	_, err := b.receiver.ask(order{Do: doSet, Group: group, Mode: m})
	return err
}

// await waits until n deliveries came for a group, since the last reset.
func (b *bench) await(ctx context.Context, group string, n int64, limit time.Duration) (groupStats, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		s, err := b.received(group)
		if err != nil || s.Count >= n {
			return s, err
		}
		if !pause(ctx, 2*time.Millisecond) {
			return s, fmt.Errorf("%d of %d deliveries came within %s", s.Count, n, limit)
		}
	}
}

// profiled runs f while the server writes a CPU profile, if profiles are wanted.
func (r *rig) profiled(name string, f func() error) error {
	if err := r.profile(doProfile, name+".cpu"); err != nil {
		return err
	}
	err := f()
	if r.b.profiles != "" {
		_, perr := r.server.ask(order{Do: doProfile})
		err = errors.Join(err, perr)
	}
	return err
}

// profile asks the server for a profile, if profiles are wanted.
func (r *rig) profile(what, name string) error {
	if r.b.profiles == "" {
		return nil
	}
	_, err := r.server.ask(order{Do: what, File: filepath.Join(r.b.profiles, name+"."+r.store+".pprof")})
	return err
}
