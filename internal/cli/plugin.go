package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/switchhook/switchhook/internal/deliver/viaplugin"
	"github.com/switchhook/switchhook/internal/server"
	"github.com/switchhook/switchhook/plugin"
)

type pluginVerbs struct {
	List  pluginList  `cmd:"" help:"List what is installed, without starting it."`
	Check pluginCheck `cmd:"" help:"Start plug-ins, let them say hello and end them, and name what is wrong."`
	Run   pluginRun   `cmd:"" help:"Let a plug-in deliver one event, and show what comes of it."`
}

// pluginFlags are what all verbs about plug-ins take.
type pluginFlags struct {
	settings
	JSON bool `name:"json" help:"Print JSON."`
}

// installed lists what is installed below plugins_dir; of names, only those.
func (v *pluginFlags) installed(s *session, log *complaints, names []string) ([]server.Plugin, error) {
	c, _, err := v.load(s)
	if err != nil {
		return nil, err
	}
	if c.PluginsDir == "" {
		return nil, usagef("plugins_dir is not set: --set plugins_dir=DIR")
	}
	all, err := server.Plugins(s.ctx, c, slog.New(log))
	if err != nil || len(names) == 0 {
		return all, err
	}
	var some []server.Plugin
	for _, name := range names {
		found := false
		for _, p := range all {
			if pluginName(p) == name {
				some, found = append(some, p), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no plug-in %q in %s", name, c.PluginsDir)
		}
	}
	return some, nil
}

// pluginName is what a plug-in is called, by its directory where nothing else is known.
func pluginName(p server.Plugin) string {
	if p.Config != nil {
		return p.Config.Name
	}
	return p.Dir[strings.LastIndexByte(p.Dir, '/')+1:]
}

type pluginList struct{ pluginFlags }

// pluginRow is a plug-in as list shows it.
type pluginRow struct {
	Name    string   `json:"name"`
	Dir     string   `json:"dir"`
	Enabled bool     `json:"enabled"`
	Command []string `json:"command"`
	Problem string   `json:"problem,omitempty"`
}

// Run lists plug-ins.
func (v *pluginList) Run(s *session) error {
	all, err := v.installed(s, &complaints{}, nil)
	if err != nil {
		return err
	}
	rows, table := []pluginRow{}, [][]string{}
	for _, p := range all {
		r := pluginRow{Name: pluginName(p), Dir: p.Dir}
		state := "wrong"
		switch {
		case p.Err != nil:
			r.Problem = p.Err.Error()
		case p.Config.Enabled:
			state, r.Enabled = "enabled", true
		default:
			state = "disabled"
		}
		if p.Config != nil {
			r.Command = append([]string{p.Config.Command}, p.Config.Args...)
		}
		rows = append(rows, r)
		table = append(table, []string{r.Name, state, orDash(strings.Join(r.Command, " ")), r.Dir, orDash(r.Problem)})
	}
	if v.JSON {
		return printValue(s.out, rows)
	}
	return printTable(s.out, "NAME STATE COMMAND DIR PROBLEM", table)
}

type pluginCheck struct {
	pluginFlags
	Names []string `arg:"" optional:"" help:"Names of plug-ins; none is all."`
}

// pluginReport is what check found out about a plug-in.
type pluginReport struct {
	Name        string          `json:"name"`
	Dir         string          `json:"dir"`
	OK          bool            `json:"ok"`
	Problems    []string        `json:"problems"`
	Protocol    int             `json:"protocol,omitempty"`
	Version     string          `json:"version,omitempty"`
	Concurrency int             `json:"concurrency,omitempty"`
	Schema      json.RawMessage `json:"config_schema,omitempty"`
	Memory      string          `json:"memory,omitempty"` // limit of each process
	MemoryHeld  bool            `json:"memory_held"`      // whether this system holds it to that
}

// Run checks plug-ins, one after the other. Its error says how many are wrong.
func (v *pluginCheck) Run(s *session) error {
	log := &complaints{out: s.err}
	all, err := v.installed(s, log, v.Names)
	if err != nil {
		return err
	}
	reports, wrong := []pluginReport{}, 0
	for _, p := range all {
		r := checkPlugin(s.ctx, p, log)
		if !r.OK {
			wrong++
		}
		reports = append(reports, r)
	}
	if v.JSON {
		err = printValue(s.out, reports)
	} else {
		for _, r := range reports {
			_, werr := io.WriteString(s.out, r.text())
			err = errors.Join(err, werr)
		}
	}
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d of %d plug-ins are wrong", wrong, len(reports))
	}
	return err
}

func checkPlugin(ctx context.Context, p server.Plugin, log *complaints) pluginReport {
	r := pluginReport{Name: pluginName(p), Dir: p.Dir, Problems: []string{}}
	err := p.Err
	if err == nil {
		var h plugin.Hello
		h, err = p.Service.Check(ctx)
		r.Protocol, r.Version, r.Concurrency, r.Schema = h.Protocol, h.Version, h.Concurrency, h.ConfigSchema
		r.Memory, r.MemoryHeld = p.Config.Limits.Memory.String(), viaplugin.MemoryIsHeld && p.Config.Limits.Memory > 0
	}
	r.Problems = append(r.Problems, log.take()...)
	if err != nil {
		r.Problems = append(r.Problems, strings.Split(err.Error(), "\n")...)
	}
	r.OK = len(r.Problems) == 0
	return r
}

// text shows a report to people.
func (r *pluginReport) text() string {
	var b strings.Builder
	if r.OK {
		schema, held := "any object", "held to"
		if r.Schema != nil {
			schema = "a JSON Schema"
		}
		if !r.MemoryHeld {
			held = "not held to"
		}
		fmt.Fprintf(&b, "%s: good. Version %s, %d at a time, takes %s, %s %s of memory.\n",
			printable(r.Name), orDash(printable(r.Version)), r.Concurrency, schema, held, r.Memory)
		return b.String()
	}
	fmt.Fprintf(&b, "%s: wrong\n", printable(r.Name))
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  %s\n", printable(p))
	}
	return b.String()
}

// complaints is a log that keeps what is wrong with a plug-in and shows what the plug-in itself
// logs.
type complaints struct {
	out io.Writer // nil shows nothing

	mu   sync.Mutex
	kept []string
}

// take returns what was kept, and keeps it no longer.
func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.kept
	c.kept = nil
	return kept
}

// Enabled takes what people have to know.
func (c *complaints) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

// Handle keeps warnings and errors, and shows lines of the plug-in.
func (c *complaints) Handle(_ context.Context, r slog.Record) error {
	values := map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		values[a.Key] = a.Value.String()
		return true
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Level >= slog.LevelWarn {
		text := r.Message
		for _, key := range []string{"reason", "problem", "line", "error"} {
			if v := values[key]; v != "" {
				text += ": " + v
			}
		}
		c.kept = append(c.kept, text)
		return nil
	}
	if line, ok := values["line"]; ok && c.out != nil {
		_, err := fmt.Fprintln(c.out, printable(line))
		return err
	}
	return nil
}

// WithAttrs returns the same log: there is one plug-in at a time.
func (c *complaints) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup returns the same log.
func (c *complaints) WithGroup(string) slog.Handler { return c }
