package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// A function is a function or a method outside tests.
type function struct {
	name            string // folder and name
	lines, branches int    // branches: the cyclomatic complexity (McCabe, 1976), decisions + 1
}

// code is what was counted of a module's Go files. Generated files are left out.
type code struct {
	functions []function
	files     map[string]int // lines of each
	packages  map[string]int // lines of each folder
	methods   map[string]int // of each type, by folder and name
	fields    map[string]int // of each struct

	lines, comments, blank, wide int // lines outside tests
	manyParameters, manyBooleans int // functions
	testLines, parallel          int
	kinds                        map[string]int // Test, Fuzz, Benchmark, Example
}

// read counts all Go files below a folder.
func read(root string) (*code, error) {
	c := &code{files: map[string]int{}, packages: map[string]int{}, methods: map[string]int{}, fields: map[string]int{}, kinds: map[string]int{}}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_templ.go"):
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return c.readFile(path, filepath.ToSlash(relative))
	})
	return c, err
}

func (c *code) readFile(path, name string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, raw, parser.ParseComments)
	if err != nil || ast.IsGenerated(file) {
		return err
	}
	lines := bytes.Split(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"))
	if strings.HasSuffix(name, "_test.go") {
		c.testLines += len(lines)
		c.countTests(file)
		return nil
	}
	c.files[name] = len(lines)
	c.packages[filepath.ToSlash(filepath.Dir(name))] += len(lines)
	c.lines += len(lines)
	for _, line := range lines {
		text := strings.TrimSpace(string(line))
		switch {
		case text == "":
			c.blank++
		case strings.HasPrefix(text, "//"):
			c.comments++
		}
		if utf8.RuneCount(bytes.ReplaceAll(line, []byte("\t"), []byte("    "))) > 120 {
			c.wide++
		}
	}
	c.countDeclarations(set, file, filepath.ToSlash(filepath.Dir(name)))
	return nil
}

func (c *code) countTests(file *ast.File) {
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Recv != nil {
			continue
		}
		for _, kind := range []string{"Test", "Fuzz", "Benchmark", "Example"} {
			if strings.HasPrefix(f.Name.Name, kind) && f.Name.Name != "TestMain" {
				c.kinds[kind]++
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.SelectorExpr); ok && call.Sel.Name == "Parallel" {
			c.parallel++
		}
		return true
	})
}

func (c *code) countDeclarations(set *token.FileSet, file *ast.File, folder string) {
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			c.countFunction(set, d, folder)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok {
					if s, ok := t.Type.(*ast.StructType); ok {
						c.fields[folder+"."+t.Name.Name] = s.Fields.NumFields()
					}
				}
			}
		}
	}
}

func (c *code) countFunction(set *token.FileSet, d *ast.FuncDecl, folder string) {
	f := function{name: folder + "." + d.Name.Name, lines: set.Position(d.End()).Line - set.Position(d.Pos()).Line + 1, branches: 1}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			f.branches++
		case *ast.CaseClause:
			f.branches += len(n.List)
		case *ast.CommClause:
			f.branches++
		case *ast.BinaryExpr:
			if n.Op == token.LAND || n.Op == token.LOR {
				f.branches++
			}
		}
		return true
	})
	c.functions = append(c.functions, f)
	if d.Recv != nil {
		c.methods[folder+"."+receiver(d.Recv.List[0].Type)]++
	}
	booleans := 0
	for _, p := range d.Type.Params.List {
		if name, ok := p.Type.(*ast.Ident); ok && name.Name == "bool" {
			booleans += max(1, len(p.Names))
		}
	}
	if d.Type.Params.NumFields() > 5 {
		c.manyParameters++
	}
	if booleans > 1 {
		c.manyBooleans++
	}
}

// receiver is the name of the type of a method.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return "?"
}
