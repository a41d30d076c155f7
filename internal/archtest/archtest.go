// Package archtest holds the code to its architecture: who may import whom, where
// drivers and sockets may be used, how long things may grow. It reads source and
// runs in the tests alone; it says nothing about behaviour.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Module is the path that this module's packages begin with.
const Module = "github.com/switchhook/switchhook"

// File is one Go file, parsed.
type File struct {
	Name  string // "internal/id/id.go"
	Dir   string // "internal/id"; "." for the root
	Test  bool
	Lines int
	Set   *token.FileSet
	AST   *ast.File
}

// Imports lists the file's imports.
func (f *File) Imports() []string {
	var paths []string
	for _, s := range f.AST.Imports {
		paths = append(paths, strings.Trim(s.Path.Value, `"`))
	}
	return paths
}

// line is the place of a node, for messages.
func (f *File) line(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.Name, f.Set.Position(n.Pos()).Line)
}

// Parse reads every Go file below root, but for testdata and hidden folders.
func Parse(root fs.FS) ([]*File, error) {
	var files []*File
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := path.Base(name); name != "." && (base[0] == '.' || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, &File{
			Name: name, Dir: path.Dir(name), Test: strings.HasSuffix(name, "_test.go"),
			Lines: strings.Count(string(src), "\n"), Set: set, AST: parsed,
		})
		return nil
	})
	return files, err
}

// Check applies every rule and returns what is broken, one line each.
func Check(files []*File) []string {
	var found []string
	for _, rule := range []func([]*File) []string{floors, drivers, sockets, packages, sizes, habits} {
		found = append(found, rule(files)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}
