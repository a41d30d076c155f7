package render

import "slices"

// parser makes statements out of tokens. Its methods are named after what they read.
// Errors go up as panics of type *SyntaxError, to keep the grammar readable; parse
// turns them into errors.
type parser struct {
	tokens []token
	at     int
	depth  int
	max    int // depth that is allowed

	blocks map[string]*blockStmt
	open   []string // names of the statements that are open, innermost last
	bodies []*uses  // of the macros that are open

	soft    bool    // inside an if: an unknown filter is an error only when it is reached
	unknown []error // filters and tests that nobody knows
}

// uses says which special names the body of a macro asks for.
type uses struct{ caller, varargs, kwargs bool }

// parse reads a whole template. depth limits how deep things may be nested.
func parse(src string, depth int) (t *Template, err error) {
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, max: depth, blocks: map[string]*blockStmt{}}
	defer func() {
		if r := recover(); r != nil {
			failed, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			t, err = nil, failed
		}
	}()
	body := p.body()
	if len(p.unknown) > 0 {
		return nil, p.unknown[0]
	}
	return &Template{body: body, blocks: p.blocks}, nil
}

func (p *parser) fail(format string, args ...any) {
	panic(syntaxError(p.token().line, format, args...))
}

// doubt takes note of a filter or test that nobody knows.
func (p *parser) doubt(format string, args ...any) {
	if !p.soft {
		p.unknown = append(p.unknown, syntaxError(p.token().line, format, args...))
	}
}

func (p *parser) token() token { return p.tokens[p.at] }

func (p *parser) look() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

// next returns the token at hand and goes on to the one behind it.
func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

func (p *parser) isOp(op string) bool { return p.token().is(tokenOperator, op) }

func (p *parser) isName(names ...string) bool {
	t := p.token()
	return t.kind == tokenName && slices.Contains(names, t.text)
}

func (p *parser) skipOp(op string) bool {
	if p.isOp(op) {
		p.next()
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(kind tokenKind, what string) token {
	if p.token().kind != kind {
		p.fail("expected %s, got %s", what, p.token())
	}
	return p.next()
}

func (p *parser) expectOp(op string) {
	if !p.skipOp(op) {
		p.fail("expected '%s', got %s", op, p.token())
	}
}

func (p *parser) expectName(name string) {
	if !p.skipName(name) {
		p.fail("expected '%s', got %s", name, p.token())
	}
}

// enter goes a level deeper; the caller goes back with leave.
func (p *parser) enter() {
	if p.depth++; p.depth > p.max {
		p.fail("nested too deeply")
	}
}

func (p *parser) leave() { p.depth-- }

// body reads statements up to the end of the template, or up to a tag with one of the
// names, whose name is then at hand.
func (p *parser) body(ends ...string) []stmt {
	p.enter()
	defer p.leave()
	var body []stmt
	for {
		switch t := p.token(); t.kind {
		case tokenEnd:
			if len(ends) > 0 {
				p.fail("the template ends before '%s'", ends[len(ends)-1])
			}
			return body
		case tokenData:
			p.next()
			body = append(body, dataStmt(t.text))
		case tokenPrint:
			p.next()
			body = append(body, &printStmt{[]expr{p.tuple(tupleRules{})}})
			p.expect(tokenPrintEnd, "the end of the print statement")
		default:
			p.expect(tokenBlock, "a statement")
			if len(ends) > 0 && p.isName(ends...) {
				return body
			}
			body = append(body, p.statement())
			p.expect(tokenBlockEnd, "the end of the statement")
		}
	}
}

// inner reads the rest of an opening tag, and the body up to a closing tag with one of
// the names, which is returned.
func (p *parser) inner(ends ...string) (body []stmt, end string) {
	p.skipOp(":")
	p.expect(tokenBlockEnd, "the end of the statement")
	body = p.body(ends...)
	return body, p.next().text
}

// scoped is inner for a body with names of its own, which is not part of an if.
func (p *parser) scoped(ends ...string) (body []stmt, end string) {
	soft := p.soft
	p.soft = false
	body, end = p.inner(ends...)
	p.soft = soft
	return body, end
}

func (p *parser) statement() stmt {
	name := p.expect(tokenName, "the name of a statement")
	p.open = append(p.open, name.text)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	switch name.text {
	case "for":
		return p.forStmt()
	case "if":
		return p.ifStmt()
	case "set":
		return p.setStmt()
	case "with":
		return p.withStmt()
	case "block":
		return p.blockStmt()
	case "macro":
		return p.macroStmt()
	case "call":
		return p.callStmt()
	case "filter":
		f := &filterStmt{filter: p.filters(nil, true)}
		f.body, _ = p.scoped("endfilter")
		return f
	case "autoescape":
		a := &escapeStmt{on: p.expression()}
		a.body, _ = p.scoped("endautoescape")
		return a
	case "print":
		return p.printStmt()
	case "include", "import", "from", "extends":
		return p.otherTemplate(name.text)
	}
	p.at--
	if len(p.open) > 1 {
		p.fail("unknown tag '%s'; the innermost open one is '%s'", name.text, p.open[len(p.open)-2])
	}
	p.fail("unknown tag '%s'", name.text)
	return nil
}

func (p *parser) printStmt() stmt {
	s := &printStmt{}
	for p.token().kind != tokenBlockEnd {
		if len(s.values) > 0 {
			p.expectOp(",")
		}
		s.values = append(s.values, p.expression())
	}
	return s
}

func (p *parser) ifStmt() stmt {
	soft := p.soft
	p.soft = true
	defer func() { p.soft = soft }()
	s := &ifStmt{}
	for end := "elif"; end == "elif"; {
		b := branch{test: p.tuple(tupleRules{noCond: true})}
		b.body, end = p.inner("elif", "else", "endif")
		s.branches = append(s.branches, b)
		if end == "else" {
			s.other, _ = p.inner("endif")
		}
	}
	return s
}

func (p *parser) forStmt() stmt {
	s := &forStmt{target: p.target("in")}
	p.expectName("in")
	s.over = p.tuple(tupleRules{noCond: true, end: "recursive"})
	if p.skipName("if") {
		s.test = p.expression()
	}
	s.recursive = p.skipName("recursive")
	if name, ok := s.target.(*nameTarget); ok && name.name == "loop" {
		p.fail("the name 'loop' is taken in a loop")
	}
	body, end := p.scoped("else", "endfor")
	s.body = body
	if end == "else" {
		s.other, _ = p.scoped("endfor")
	}
	return s
}

func (p *parser) setStmt() stmt {
	target := p.target("")
	if p.skipOp("=") {
		return &setStmt{target, p.tuple(tupleRules{})}
	}
	s := &setBlockStmt{target: target}
	if p.isOp("|") {
		s.filter = p.filters(nil, false)
	}
	s.body, _ = p.scoped("endset")
	return s
}

func (p *parser) withStmt() stmt {
	s := &withStmt{}
	for p.token().kind != tokenBlockEnd && !p.isOp(":") {
		if len(s.targets) > 0 {
			p.expectOp(",")
		}
		s.targets = append(s.targets, p.target("="))
		p.expectOp("=")
		s.values = append(s.values, p.expression())
	}
	s.body, _ = p.scoped("endwith")
	return s
}

func (p *parser) blockStmt() stmt {
	s := &blockStmt{name: p.expect(tokenName, "the name of the block").text}
	if p.blocks[s.name] != nil {
		p.fail("block '%s' defined twice", s.name)
	}
	p.blocks[s.name] = s
	s.scoped = p.skipName("scoped")
	s.required = p.skipName("required")
	bodies := p.bodies
	p.bodies = nil // a block is no part of the macro around it
	s.body, _ = p.scoped("endblock")
	p.bodies = bodies
	p.skipName(s.name)
	return s
}

// otherTemplate reads the statements that load another template. There is none to
// load, which is an error when they are reached.
func (p *parser) otherTemplate(name string) stmt {
	p.expression()
	switch name {
	case "import":
		p.expectName("as")
		p.expect(tokenName, "a name")
	case "from":
		p.expectName("import")
		for p.token().kind == tokenName && !(p.isName("with", "without") && p.look().is(tokenName, "context")) {
			p.next()
			if p.skipName("as") {
				p.expect(tokenName, "a name")
			}
			if !p.skipOp(",") {
				break
			}
		}
	case "include":
		if p.isName("ignore") && p.look().is(tokenName, "missing") {
			p.next()
			p.next()
		}
	}
	if name != "extends" && p.isName("with", "without") && p.look().is(tokenName, "context") {
		p.next()
		p.next()
	}
	return loadStmt(name)
}
