package render

// macroStmt reads the definition of a macro.
func (p *parser) macroStmt() stmt {
	s := &macroStmt{}
	s.name = p.assignable(p.expect(tokenName, "the name of the macro"))
	p.expectOp("(")
	p.signature(&s.macroBody)
	p.macroBody(&s.macroBody, "endmacro")
	return s
}

// callStmt reads a call block: a call, and a body that is its caller.
func (p *parser) callStmt() stmt {
	s := &callStmt{}
	s.name = "caller"
	if p.skipOp("(") {
		p.signature(&s.macroBody)
	}
	call, ok := p.expression().(*callExpr)
	if !ok {
		p.fail("expected call")
	}
	s.call = call
	p.macroBody(&s.macroBody, "endcall")
	return s
}

// signature reads parameters after their opening bracket.
func (p *parser) signature(m *macroBody) {
	for !p.isOp(")") {
		if len(m.params) > 0 {
			p.expectOp(",")
		}
		param := param{name: p.assignable(p.expect(tokenName, "the name of a parameter"))}
		switch {
		case p.skipOp("="):
			param.absent = p.expression()
		case len(m.params) > 0 && m.params[len(m.params)-1].absent != nil:
			p.fail("a parameter without a default follows one with a default")
		}
		m.params = append(m.params, param)
	}
	p.expectOp(")")
}

// macroBody reads the body, and sees which special names it uses.
func (p *parser) macroBody(m *macroBody, end string) {
	p.bodies = append(p.bodies, &m.uses)
	m.body, _ = p.scoped(end)
	p.bodies = p.bodies[:len(p.bodies)-1]
	for _, param := range m.params {
		switch param.name {
		case "caller":
			if m.explicitCaller = m.uses.caller; m.explicitCaller && param.absent == nil {
				p.fail("the parameter 'caller' needs a default")
			}
		case "varargs":
			m.uses.varargs = false
		case "kwargs":
			m.uses.kwargs = false
		}
	}
}

// use takes note of a name that is read.
func (p *parser) use(name string) {
	for _, u := range p.bodies {
		switch name {
		case "caller":
			u.caller = true
		case "varargs":
			u.varargs = true
		case "kwargs":
			u.kwargs = true
		}
	}
}

// assignable is the name in a token, which must not be that of a constant.
func (p *parser) assignable(t token) string {
	switch t.text {
	case "true", "false", "none", "True", "False", "None":
		p.fail("'%s' cannot be assigned to", t.text)
	}
	return t.text
}

// target reads what is assigned to: a name, an attribute of a namespace, or a tuple of
// targets. It ends before the name end, if one is given.
func (p *parser) target(end string) target {
	if p.token().kind == tokenName && p.look().is(tokenOperator, ".") && end == "" {
		space := p.next().text
		p.next()
		return &attrTarget{space, p.expect(tokenName, "the name of an attribute").text}
	}
	return p.asTarget(p.tuple(tupleRules{simple: true, end: end}))
}

func (p *parser) asTarget(e expr) target {
	switch e := e.(type) {
	case *nameExpr:
		return &nameTarget{e.name}
	case *tupleExpr:
		t := &tupleTarget{}
		for _, item := range e.items {
			t.items = append(t.items, p.asTarget(item))
		}
		return t
	}
	p.fail("this cannot be assigned to")
	return nil
}

// arguments reads the arguments of a call after the opening bracket.
func (p *parser) arguments() arguments {
	var a arguments
	for first := true; !p.isOp(")"); first = false {
		if !first {
			p.expectOp(",")
			if p.isOp(")") {
				break
			}
		}
		switch {
		case p.skipOp("*"):
			if a.star != nil || a.starStar != nil {
				p.fail("'*' is out of place in this call")
			}
			a.star = p.expression()
		case p.skipOp("**"):
			if a.starStar != nil {
				p.fail("'**' is out of place in this call")
			}
			a.starStar = p.expression()
		case p.token().kind == tokenName && p.look().is(tokenOperator, "="):
			if a.starStar != nil {
				p.fail("a keyword argument follows '**'")
			}
			name := p.next().text
			p.next()
			a.named = append(a.named, namedExpr{name, p.expression()})
		default:
			if a.star != nil || a.starStar != nil || len(a.named) > 0 {
				p.fail("a positional argument follows others")
			}
			a.plain = append(a.plain, p.expression())
		}
	}
	p.expectOp(")")
	return a
}
