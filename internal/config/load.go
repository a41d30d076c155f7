package config

import (
	"fmt"
	"slices"
	"strings"
)

// EnvPrefix begins the name of every environment variable that Switchhook reads.
const EnvPrefix = "SWITCHHOOK_"

// Input is where the configuration comes from, lowest layer first.
type Input struct {
	File    string   // name of the YAML file, for messages; empty is none
	YAML    []byte   // its content
	Environ []string // "NAME=value" as os.Environ gives it
	Set     []string // "key=value" of --set, in order
	Flags   []Flag   // settings that have a flag of their own
}

// Flag is a setting given by a flag of its own.
type Flag struct{ Name, Key, Value string }

// Sources say where each setting got its value from, by key. What is not in it
// has its default.
type Sources map[string]string

// Problem is something wrong in the configuration.
type Problem struct {
	Key     string // of the setting; may be empty
	From    string // where the value comes from: "file.yaml:3", "--set"; empty for a default
	Message string
}

// Error says key, message and source.
func (p Problem) Error() string {
	s := p.Message
	if p.Key != "" {
		s = p.Key + ": " + s
	}
	if p.From != "" {
		s += " (from " + p.From + ")"
	}
	return s
}

// Problems are all that is wrong in the configuration, never empty.
type Problems []Problem

// Error lists the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// layers fill a configuration in.
type layers struct {
	order    []field
	fields   map[string]field // by key
	sources  Sources
	problems Problems
}

func newLayers(order []field) *layers {
	l := &layers{order: order, fields: map[string]field{}, sources: Sources{}}
	for _, f := range order {
		l.fields[f.key] = f
	}
	return l
}

// Load returns the defaults overlaid by the layers of in, and where each value
// comes from. The error is Problems: everything that cannot be read; the rest is
// there with it. Values are not checked against one another: that is Check.
func Load(in Input) (*Config, Sources, error) {
	c := Default()
	l := newLayers(c.fields())
	l.file(in.File, in.YAML)
	l.environment(in.Environ)
	l.settings(in.Set)
	for _, f := range in.Flags {
		l.text(f.Key, f.Name, f.Value)
	}
	if len(l.problems) > 0 {
		return c, l.sources, l.problems
	}
	return c, l.sources, nil
}

// assign sets one key, from a layer.
func (l *layers) assign(key, from string, texts []string) {
	f, ok := l.fields[key]
	if !ok {
		l.problem(key, from, "there is no such setting%s", l.suggest(key))
		return
	}
	if err := f.set(texts); err != nil {
		l.problem(key, from, "%v", err)
		return
	}
	l.sources[key] = from
}

// text sets one key from one text, in which a list has commas.
func (l *layers) text(key, from, text string) {
	l.assign(key, from, l.fields[key].split(text))
}

func (l *layers) problem(key, from, format string, args ...any) {
	l.problems = append(l.problems, Problem{Key: key, From: from, Message: fmt.Sprintf(format, args...)})
}

// suggest names the setting that key may have meant.
func (l *layers) suggest(key string) string {
	last := key[strings.LastIndex(key, ".")+1:]
	var alike []string
	for _, f := range l.order {
		if strings.HasSuffix("."+f.key, "."+last) {
			alike = append(alike, f.key)
		}
	}
	if len(alike) == 0 {
		return ""
	}
	return "; do you mean " + strings.Join(alike, " or ") + "?"
}

// environment is the layer of environment variables. Unknown ones are left alone:
// orchestrators set some of their own; see Strangers.
func (l *layers) environment(environ []string) {
	values := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		values[name] = value
	}
	for _, f := range l.order {
		if value, ok := values[f.env()]; ok {
			l.text(f.key, f.env(), value)
		}
	}
}

// settings is the layer of --set.
func (l *layers) settings(set []string) {
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			l.problem("", "--set", "%q is not key=value", s)
			continue
		}
		l.text(strings.TrimSpace(key), "--set", value)
	}
}

// Strangers returns the names of the environment variables that look like
// settings and are none, so that a misspelt one is noticed.
func Strangers(environ []string) []string {
	known := map[string]bool{}
	for _, name := range ClientEnv() {
		known[name] = true
	}
	for _, f := range Default().fields() {
		known[f.env()] = true
	}
	var strangers []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, EnvPrefix) && !strings.HasPrefix(name, EnvPrefix+"TEST_") && !known[name] {
			strangers = append(strangers, name)
		}
	}
	slices.Sort(strangers)
	return strangers
}

// ClientEnv lists the environment variables that are not settings of the server:
// the configuration file, and what verbs ask for.
func ClientEnv() []string {
	return []string{EnvPrefix + "CONFIG", EnvPrefix + "URL", EnvPrefix + "API_KEY", EnvPrefix + "WEBHOOK_SECRET"}
}
