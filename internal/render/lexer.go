package render

import (
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// lexer cuts a template into tokens.
type lexer struct {
	src    string
	at     int
	line   int // of at
	tokens []token
	open   []byte // brackets that wait for their other half
}

// lex returns the tokens of a template. Line breaks of all kinds become "\n", and one
// at the very end is dropped.
func lex(src string) ([]token, error) {
	src = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(src)
	l := &lexer{src: strings.TrimSuffix(src, "\n"), line: 1}
	for l.at < len(l.src) {
		if err := l.data(); err != nil {
			return nil, err
		}
	}
	l.emit(tokenEnd, "")
	return l.tokens, nil
}

func (l *lexer) emit(kind tokenKind, text string) {
	l.tokens = append(l.tokens, token{kind, text, l.line})
}

// move goes n bytes on.
func (l *lexer) move(n int) {
	l.line += strings.Count(l.src[l.at:l.at+n], "\n")
	l.at += n
}

func (l *lexer) rest() string { return l.src[l.at:] }

func (l *lexer) skipBlanks() { l.move(len(l.rest()) - len(py.StripLeft(l.rest()))) }

// data reads text up to the next tag, and that tag.
func (l *lexer) data() error {
	rest := l.rest()
	i := 0
	for {
		next := strings.IndexByte(rest[i:], '{')
		if next < 0 || i+next+1 == len(rest) {
			l.emitData(rest)
			l.move(len(rest))
			return nil
		}
		if i += next; strings.IndexByte("%{#", rest[i+1]) >= 0 {
			break
		}
		i++
	}
	text := rest[:i]
	sign := byte(0)
	if i+2 < len(rest) && (rest[i+2] == '-' || rest[i+2] == '+') {
		sign = rest[i+2]
	}
	if sign == '-' {
		text = py.StripRight(text)
	}
	l.emitData(text)
	l.move(i)
	opening := l.rest()[:2]
	l.move(2)
	if sign != 0 {
		l.move(1)
	}
	switch opening {
	case "{#":
		return l.comment()
	case "{{":
		l.emit(tokenPrint, "")
		return l.inside("}}", tokenPrintEnd)
	}
	if n := rawTag(l.rest(), "raw", false); n > 0 {
		return l.raw(n)
	}
	l.emit(tokenBlock, "")
	return l.inside("%}", tokenBlockEnd)
}

func (l *lexer) emitData(text string) {
	if text != "" {
		l.emit(tokenData, text)
	}
}

func (l *lexer) comment() error {
	end := strings.Index(l.rest(), "#}")
	if end < 0 {
		return syntaxError(l.line, "a comment has no end")
	}
	strip := end > 0 && l.rest()[end-1] == '-'
	l.move(end + 2)
	if strip {
		l.skipBlanks()
	}
	return nil
}

// rawTag is how long the rest of a tag is that says raw or endraw, 0 when it says
// something else.
func rawTag(s, name string, plus bool) int {
	t, ok := strings.CutPrefix(py.StripLeft(s), name)
	if !ok {
		return 0
	}
	t = py.StripLeft(t)
	if plus {
		t = strings.TrimPrefix(t, "+")
	}
	if after, ok := strings.CutPrefix(t, "-%}"); ok {
		return len(s) - len(py.StripLeft(after))
	}
	if after, ok := strings.CutPrefix(t, "%}"); ok {
		return len(s) - len(after)
	}
	return 0
}

// raw takes what stands up to endraw as text.
func (l *lexer) raw(tag int) error {
	start := l.line
	l.move(tag)
	rest := l.rest()
	for i := 0; ; i++ {
		next := strings.Index(rest[i:], "{%")
		if next < 0 {
			return syntaxError(start, "a raw block has no end")
		}
		i += next
		text, after := rest[:i], rest[i+2:]
		signed := after != "" && (after[0] == '-' || after[0] == '+')
		if signed {
			if after[0] == '-' {
				text = py.StripRight(text)
			}
			after = after[1:]
		}
		if n := rawTag(after, "endraw", true); n > 0 {
			l.emitData(text)
			l.move(len(rest) - len(after) + n)
			return nil
		}
	}
}

// inside reads the tokens of a tag up to its end.
func (l *lexer) inside(end string, kind tokenKind) error {
	l.open = l.open[:0]
	for l.at < len(l.src) {
		rest := l.rest()
		if len(l.open) == 0 {
			after, sign := rest, rest[0]
			if sign == '-' || sign == '+' && end == "%}" {
				after = rest[1:]
			}
			if strings.HasPrefix(after, end) {
				l.emit(kind, "")
				l.move(len(rest) - len(after) + len(end))
				if sign == '-' {
					l.skipBlanks()
				}
				return nil
			}
		}
		if stripped := py.StripLeft(rest); len(stripped) < len(rest) {
			l.move(len(rest) - len(stripped))
			continue
		}
		if err := l.one(rest); err != nil {
			return err
		}
	}
	return nil // the parser finds that the end is missing
}

// one reads one token at the beginning of rest.
func (l *lexer) one(rest string) error {
	afterPoint := l.at > 0 && l.src[l.at-1] == '.'
	if n, kind := numberLength(rest, afterPoint); n > 0 {
		l.emit(kind, strings.ReplaceAll(rest[:n], "_", ""))
		l.move(n)
		return nil
	}
	if n := wordLength(rest); n > 0 {
		if !py.IsIdentifier(rest[:n]) {
			return syntaxError(l.line, "'%s' is no name", rest[:n])
		}
		l.emit(tokenName, rest[:n])
		l.move(n)
		return nil
	}
	if n := textLength(rest); n > 0 {
		text, err := unescape(rest[1 : n-1])
		if err != nil {
			return syntaxError(l.line, "%s", err)
		}
		l.emit(tokenText, text)
		l.move(n)
		return nil
	}
	return l.operator(rest)
}

func (l *lexer) operator(rest string) error {
	n := 1
	if len(rest) > 1 {
		switch rest[:2] {
		case "//", "**", "==", "!=", ">=", "<=":
			n = 2
		}
	}
	op := rest[:n]
	if n == 1 && !strings.Contains("+-/*%~[](){}><=.:|,;", op) {
		r, _ := py.DecodeRune(rest)
		return syntaxError(l.line, "unexpected character %q", r)
	}
	switch op {
	case "(":
		l.open = append(l.open, ')')
	case "[":
		l.open = append(l.open, ']')
	case "{":
		l.open = append(l.open, '}')
	case ")", "]", "}":
		last := len(l.open) - 1
		if last < 0 {
			return syntaxError(l.line, "unexpected '%s'", op)
		}
		if l.open[last] != op[0] {
			return syntaxError(l.line, "unexpected '%s', expected '%c'", op, l.open[last])
		}
		l.open = l.open[:last]
	}
	l.emit(tokenOperator, op)
	l.move(n)
	return nil
}
