package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// drivers holds each driver to the folders that may know it. Deleting the folder
// is the way out of the dependency.
func drivers(files []*File) []string {
	homes := map[string][]string{
		"modernc.org/sqlite":                    {"internal/store/sqlite"},
		"github.com/jackc/pgx":                  {"internal/store/postgres"},
		"database/sql":                          {"internal/store/sqlstore", "internal/store/sqlite", "internal/store/postgres"},
		"github.com/rabbitmq/amqp091-go":        {"internal/rabbit", "internal/deliver/viaamqp", "internal/bus/fromamqp"},
		"github.com/nats-io":                    {"internal/deliver/vianats", "internal/bus/fromnats"},
		"github.com/twmb/franz-go":              {"internal/deliver/viakafka", "internal/bus/fromkafka"},
		"github.com/alecthomas/kong":            {"internal/cli"},
		"github.com/prometheus":                 {"internal/telemetry"},
		"gopkg.in/yaml.v3":                      {"internal/config", "internal/api/kazoo/hooktype"},
		"golang.org/x/crypto/argon2":            {"internal/password"},
		"code.dny.dev/ssrf":                     {"internal/egress"},
		"github.com/valyala/fasthttp":           {"internal/deliver/viahttp"},
		"github.com/santhosh-tekuri/jsonschema": {"internal/directory", "internal/control"},
		"github.com/nikolalohinski/gonja":       {"internal/render"},
		"github.com/standard-webhooks":          nil, // oracles of tests
		"github.com/svix/svix-webhooks":         nil,
		"github.com/google/uuid":                nil,
		"github.com/google/go-cmp":              nil,
		"github.com/getkin/kin-openapi":         nil,
		"pgregory.net/rapid":                    nil,
		"go.uber.org/goleak":                    nil,
	}
	var found []string
	for _, f := range files {
		if f.Test || testOnly(f.Dir) {
			continue
		}
		for _, p := range f.Imports() {
			for driver, dirs := range homes {
				if (p == driver || strings.HasPrefix(p, driver+"/")) && !slices.Contains(dirs, f.Dir) {
					found = append(found, fmt.Sprintf("%s: imports %s, which belongs to %v", f.Name, p, dirs))
				}
			}
		}
	}
	return found
}

// sockets holds outgoing connections to egress, where the guard is. Verbs talk to
// their own server, benchmarks and tests to loopback.
func sockets(files []*File) []string {
	dialling := map[string][]string{
		"net": {
			"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer",
		},
		"net/http": {
			"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport", "Client", "Transport",
		},
		"crypto/tls": {"Dial", "DialWithDialer", "Dialer"},
	}
	var found []string
	for _, f := range files {
		if f.Test || testOnly(f.Dir) || f.Dir == "internal/egress" || strings.HasPrefix(f.Dir+"/", "internal/cli/") {
			continue
		}
		names := map[string]string{} // of a package in this file: its path
		for _, s := range f.AST.Imports {
			p := strings.Trim(s.Path.Value, `"`)
			name := path.Base(p)
			if s.Name != nil {
				name = s.Name.Name
			}
			names[name] = p
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(dialling[names[x.Name]], sel.Sel.Name) {
				found = append(found, fmt.Sprintf("%s: %s.%s; connections to the outside are made in egress", f.line(n), x.Name, sel.Sel.Name))
			}
			return true
		})
	}
	return found
}

// packages holds each package to one comment and to a name that says something.
func packages(files []*File) []string {
	comments := map[string]int{} // of each folder with code that ships
	var found []string
	for _, f := range files {
		name := f.AST.Name.Name
		if slices.Contains(sayNothing(), name) {
			found = append(found, fmt.Sprintf("%s: a package called %s says nothing", f.Dir, name))
		}
		if f.Test {
			continue
		}
		comments[f.Dir] += 0
		if f.AST.Doc == nil {
			continue
		}
		comments[f.Dir]++
		want := "Package " + name + " "
		if name == "main" {
			want = "Command "
		}
		if !strings.HasPrefix(f.AST.Doc.Text(), want) {
			found = append(found, fmt.Sprintf("%s: the package comment begins with %q", f.Name, want))
		}
	}
	for dir, n := range comments {
		if n != 1 {
			found = append(found, fmt.Sprintf("%s: %d package comments; one says what it is for", dir, n))
		}
	}
	return found
}

func sayNothing() []string {
	return []string{
		"util", "utils", "common", "helper", "helpers", "manager", "model", "models", "misc", "shared", "lib", "base", "types", "core",
	}
}

// How long things may be, in lines.
const (
	maxFile     = 500
	maxTestFile = 900
	maxFunc     = 70
)

// sizes holds files and functions to what a reader takes in at once.
func sizes(files []*File) []string {
	var found []string
	for _, f := range files {
		limit := maxFile
		if f.Test {
			limit = maxTestFile
		}
		if f.Lines > limit {
			found = append(found, fmt.Sprintf("%s: %d lines; %d are enough for one noun", f.Name, f.Lines, limit))
		}
		if f.Test || testOnly(f.Dir) {
			continue
		}
		for _, d := range f.AST.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			if n := f.Set.Position(fn.End()).Line - f.Set.Position(fn.Pos()).Line + 1; n > maxFunc {
				found = append(found, fmt.Sprintf("%s: %s has %d lines; %d fit a screen", f.line(fn), fn.Name.Name, n, maxFunc))
			}
		}
	}
	return found
}

// habits holds code to no init, no sleeping tests, and no unfinished marks.
func habits(files []*File) []string {
	var found []string
	for _, f := range files {
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, fmt.Sprintf("%s: init; assembly is explicit", f.line(fn)))
			}
		}
		for _, group := range f.AST.Comments {
			for _, mark := range []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"} {
				if strings.Contains(group.Text(), mark) {
					found = append(found, fmt.Sprintf("%s: %s", f.line(group), mark))
				}
			}
		}
		if !f.Test {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && !usesSynctest(f) {
					found = append(found, fmt.Sprintf("%s: time.Sleep in a test; wait for what you wait for", f.line(n)))
				}
			}
			return true
		})
	}
	return found
}

// usesSynctest says whether the file's tests run on a clock of their own, where
// sleeping takes no time.
func usesSynctest(f *File) bool { return slices.Contains(f.Imports(), "testing/synctest") }
