package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// PluginFile is the name of the file that makes a directory below plugins_dir a plug-in.
const PluginFile = "plugin.yaml"

// maxPluginFile is how many bytes such a file may have.
const maxPluginFile = 64 << 10

// Plugin says how a plug-in is run: what its plugin.yaml holds.
type Plugin struct {
	Name      string       `key:"name" doc:"Name of the service, as endpoints say it. Empty: the name of the directory."`
	Enabled   bool         `key:"enabled" doc:"Whether it is started."`
	Command   string       `key:"command" doc:"Program to run. With a slash it is looked for from the plug-in's directory, without one in PATH."`
	Args      []string     `key:"args" doc:"Its arguments."`
	Env       []string     `key:"env" doc:"Its environment, NAME=value each; of the server's it sees PATH, HOME, the locale, the time zone, TMPDIR and where certificates are, nothing else."`
	Processes int          `key:"processes" min:"1" max:"64" doc:"How many of it run at the same time."`
	Limits    PluginLimits `key:"limits"`
}

// PluginLimits bound what a plug-in may take.
type PluginLimits struct {
	Timeout  time.Duration `key:"timeout" max:"5m" doc:"Deadline of a delivery whose endpoint sets none. 0: delivery.timeout."`
	Start    time.Duration `key:"start" min:"100ms" max:"5m" doc:"From its start to its first line."`
	Stop     time.Duration `key:"stop" min:"100ms" max:"5m" doc:"From the end of its input to its end; then it is killed."`
	Grace    time.Duration `key:"grace" min:"100ms" max:"5m" doc:"How long every delivery in hand may be overdue; then it is killed and started again."`
	InFlight int           `key:"in_flight" min:"1" max:"1000" doc:"Deliveries that a process gets at a time, where it asks for more."`
	Line     Size          `key:"line" min:"1KiB" max:"64MiB" doc:"Longest line that it may write."`
	Memory   Size          `key:"memory" doc:"Memory that each process may have (on Linux). 0: no limit."`
}

func defaultPlugin() *Plugin {
	return &Plugin{
		Enabled: true, Processes: 1,
		Limits: PluginLimits{
			Start: 10 * time.Second, Stop: 5 * time.Second, Grace: 5 * time.Second, InFlight: 64, Line: MiB, Memory: 512 * MiB,
		},
	}
}

// Installed is a directory below plugins_dir, with what makes it a plug-in or the reason why
// it is none.
type Installed struct {
	Dir    string  // absolute
	Plugin *Plugin // nil when Err is not
	Err    error   // Problems, or that the file cannot be read
}

// Plugins lists what is installed below dir, by name of directory. Hidden ones are left out.
func Plugins(dir string) ([]Installed, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []Installed
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		p, err := readPlugin(path)
		all = append(all, Installed{Dir: path, Plugin: p, Err: err})
	}
	return all, nil
}

// readPlugin reads and checks the plugin.yaml of one directory. The error is Problems,
// or that of the file.
func readPlugin(dir string) (*Plugin, error) {
	name := filepath.Join(dir, PluginFile)
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s in it", PluginFile)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPluginFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxPluginFile:
		return nil, fmt.Errorf("%s has more than %d bytes", PluginFile, maxPluginFile)
	}
	return parsePlugin(text, filepath.Base(dir))
}

func parsePlugin(text []byte, dirName string) (*Plugin, error) {
	p := defaultPlugin()
	fields := fieldsOf(p)
	l := newLayers(fields)
	l.file(PluginFile, text)
	if p.Name == "" {
		p.Name = dirName
	}
	k := &checker{sources: l.sources, problems: l.problems}
	for _, f := range fields {
		k.bounds(f)
	}
	k.add("name", !isServiceName(p.Name), "%.80q must be letters, digits, dots, dashes and underscores, at most %d", p.Name, maxServiceName)
	k.add("command", p.Command == "", "must not be empty")
	for _, s := range append([]string{p.Command}, p.Args...) {
		k.add("command", strings.ContainsRune(s, 0), "must not have NUL in it, nor its arguments")
	}
	for _, e := range p.Env {
		name, _, ok := strings.Cut(e, "=")
		k.add("env", !ok || name == "" || strings.ContainsRune(e, 0), "%.80q is not NAME=value", name)
	}
	if len(k.problems) > 0 {
		return nil, k.problems
	}
	return p, nil
}

const maxServiceName = 64

func isServiceName(s string) bool {
	strange := func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	return s != "" && len(s) <= maxServiceName && !strings.ContainsFunc(s, strange)
}
