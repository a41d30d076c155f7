package render

import (
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// tupleRules says how an expression that may be a tuple is read.
type tupleRules struct {
	simple bool   // of primaries alone
	noCond bool   // its items are no conditionals
	inside bool   // in brackets, where it may be empty
	end    string // a name that ends it
}

// tuple reads an expression, or several with commas between them.
func (p *parser) tuple(rules tupleRules) expr {
	t := &tupleExpr{}
	comma := false
	for {
		if k := p.token().kind; k == tokenPrintEnd || k == tokenBlockEnd || p.isOp(")") || rules.end != "" && p.isName(rules.end) {
			break
		}
		switch {
		case rules.simple:
			t.items = append(t.items, p.primary())
		case rules.noCond:
			t.items = append(t.items, p.or())
		default:
			t.items = append(t.items, p.expression())
		}
		if !p.skipOp(",") {
			break
		}
		comma = true
	}
	if !comma && len(t.items) == 1 {
		return t.items[0]
	}
	if !comma && !rules.inside {
		p.fail("expected an expression, got %s", p.token())
	}
	return t
}

// expression reads a conditional, or something simpler.
func (p *parser) expression() expr {
	p.enter()
	defer p.leave()
	unknown := len(p.unknown)
	e := p.or()
	for p.skipName("if") {
		c := &condExpr{then: e, test: p.or()}
		if p.skipName("else") {
			c.other = p.expression()
		}
		e = c
		p.unknown = p.unknown[:unknown] // what a conditional names need not be known
	}
	return e
}

func (p *parser) or() expr {
	e := p.and()
	for p.skipName("or") {
		e = &orExpr{e, p.and()}
	}
	return e
}

func (p *parser) and() expr {
	e := p.not()
	for p.skipName("and") {
		e = &andExpr{e, p.not()}
	}
	return e
}

func (p *parser) not() expr {
	if !p.skipName("not") {
		return p.compare()
	}
	p.enter()
	defer p.leave()
	return &notExpr{p.not()}
}

func (p *parser) compare() expr {
	first := p.sum()
	c := &compareExpr{first: first}
	for {
		t := p.token()
		op := ""
		switch {
		case t.kind == tokenOperator && strings.Contains(" == != < <= > >= ", " "+t.text+" "), p.isName("in"):
			op = p.next().text
		case p.isName("not") && p.look().is(tokenName, "in"):
			p.next()
			p.next()
			op = "not in"
		case len(c.rest) == 0:
			return first
		default:
			return c
		}
		c.rest = append(c.rest, comparison{op, p.sum()})
	}
}

// leftToRight reads operands with operators between them.
func (p *parser) leftToRight(operand func() expr, ops ...string) expr {
	e := operand()
next:
	for {
		for _, op := range ops {
			if p.skipOp(op) {
				e = &binaryExpr{py.Op(op), e, operand()}
				continue next
			}
		}
		return e
	}
}

func (p *parser) sum() expr { return p.leftToRight(p.concat, "+", "-") }

func (p *parser) concat() expr {
	c := &concatExpr{[]expr{p.product()}}
	for p.skipOp("~") {
		c.items = append(c.items, p.product())
	}
	if len(c.items) == 1 {
		return c.items[0]
	}
	return c
}

func (p *parser) product() expr { return p.leftToRight(p.power, "*", "/", "//", "%") }

func (p *parser) power() expr {
	return p.leftToRight(func() expr { return p.unary(true) }, "**")
}

func (p *parser) unary(filters bool) expr {
	p.enter()
	defer p.leave()
	var e expr
	switch {
	case p.skipOp("-"):
		e = &unaryExpr{py.Negative, p.unary(false)}
	case p.skipOp("+"):
		e = &unaryExpr{py.Positive, p.unary(false)}
	default:
		e = p.primary()
	}
	e = p.postfix(e)
	if filters {
		e = p.filtered(e)
	}
	return e
}

func (p *parser) primary() expr {
	switch t := p.next(); t.kind {
	case tokenName:
		return p.nameOrConstant(t)
	case tokenText:
		for p.token().kind == tokenText {
			t.text += p.next().text
		}
		return constant{py.Str(t.text)}
	case tokenInt:
		return p.number(t, parseInt)
	case tokenFloat:
		return p.number(t, parseFloat)
	case tokenOperator:
		switch t.text {
		case "(":
			p.enter()
			defer p.leave()
			e := p.tuple(tupleRules{inside: true})
			p.expectOp(")")
			return e
		case "[":
			return p.list()
		case "{":
			return p.dict()
		}
	}
	if p.at > 0 && p.token().kind != tokenEnd {
		p.at--
	}
	p.fail("unexpected %s", p.token())
	return nil
}

func (p *parser) nameOrConstant(t token) expr {
	switch t.text {
	case "true", "True":
		return constant{py.Bool(true)}
	case "false", "False":
		return constant{py.Bool(false)}
	case "none", "None":
		return constant{py.None{}}
	}
	p.use(t.text)
	return &nameExpr{t.text}
}

func (p *parser) number(t token, read func(string) (py.Value, error)) expr {
	v, err := read(t.text)
	if err != nil {
		p.fail("%s", err)
	}
	return constant{v}
}

func (p *parser) list() expr {
	l := &listExpr{}
	for !p.isOp("]") {
		if len(l.items) > 0 {
			p.expectOp(",")
			if p.isOp("]") {
				break
			}
		}
		l.items = append(l.items, p.expression())
	}
	p.expectOp("]")
	return l
}

func (p *parser) dict() expr {
	d := &dictExpr{}
	for !p.isOp("}") {
		if len(d.keys) > 0 {
			p.expectOp(",")
			if p.isOp("}") {
				break
			}
		}
		d.keys = append(d.keys, p.expression())
		p.expectOp(":")
		d.values = append(d.values, p.expression())
	}
	p.expectOp("}")
	return d
}

// postfix reads attributes, items and calls behind an expression.
func (p *parser) postfix(e expr) expr {
	for {
		switch {
		case p.skipOp("."):
			t := p.next()
			switch t.kind {
			case tokenName:
				e = &attrExpr{e, t.text}
			case tokenInt:
				e = &itemExpr{e, p.number(t, parseInt)}
			default:
				p.fail("expected a name or a number after the point")
			}
		case p.skipOp("["):
			e = &itemExpr{e, p.subscript()}
		case p.skipOp("("):
			e = &callExpr{e, p.arguments()}
		default:
			return e
		}
	}
}

// subscript reads what stands in brackets behind an expression.
func (p *parser) subscript() expr {
	var items []expr
	for first := true; !p.isOp("]"); first = false {
		if !first {
			p.expectOp(",")
		}
		items = append(items, p.index())
	}
	p.expectOp("]")
	if len(items) == 1 {
		return items[0]
	}
	return &tupleExpr{items}
}

func (p *parser) index() expr {
	s := &sliceExpr{}
	if !p.isOp(":") {
		e := p.expression()
		if !p.isOp(":") {
			return e
		}
		s.start = e
	}
	p.next()
	ends := func() bool { return p.isOp("]") || p.isOp(",") }
	if !p.isOp(":") && !ends() {
		s.stop = p.expression()
	}
	if p.skipOp(":") && !ends() {
		s.step = p.expression()
	}
	return s
}

// filtered reads filters, tests and calls behind an expression.
func (p *parser) filtered(e expr) expr {
	for {
		switch {
		case p.isOp("|"):
			e = p.filters(e, false)
		case p.skipName("is"):
			e = p.test(e)
		case p.skipOp("("):
			e = &callExpr{e, p.arguments()}
		default:
			return e
		}
	}
}

func (p *parser) dottedName() string {
	name := p.expect(tokenName, "a name").text
	for p.skipOp(".") {
		name += "." + p.expect(tokenName, "a name").text
	}
	return name
}

// filters reads filters behind e; the first one stands without its bar when bare is
// set. With e nil they are for a body.
func (p *parser) filters(e expr, bare bool) expr {
	for bare || p.isOp("|") {
		if !bare {
			p.next()
		}
		bare = false
		f := &filterExpr{of: e, name: p.dottedName()}
		if f.filter = filterNamed(f.name); f.filter == nil {
			p.doubt("no filter named '%s'", f.name)
		}
		if p.skipOp("(") {
			f.args = p.arguments()
		}
		e = f
	}
	return e
}

// test reads a test after its "is".
func (p *parser) test(e expr) expr {
	negated := p.skipName("not")
	t := &testExpr{of: e, name: p.dottedName()}
	if t.test = testNamed(t.name); t.test == nil {
		p.doubt("no test named '%s'", t.name)
	}
	switch next := p.token(); {
	case p.skipOp("("):
		t.args = p.arguments()
	case p.isName("else", "or", "and"):
	case next.kind == tokenName, next.kind == tokenText, next.kind == tokenInt, next.kind == tokenFloat, p.isOp("["), p.isOp("{"):
		if p.isName("is") {
			p.fail("tests cannot be chained")
		}
		t.args.plain = []expr{p.postfix(p.primary())}
	}
	if negated {
		return &notExpr{t}
	}
	return t
}
