package py

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

func strFormat(name string) *textMethod {
	switch name {
	case "format_map":
		return &textMethod{params: []string{"mapping"}, call: func(th *Thread, s string, args []Value) (Value, error) {
			return formatText(th, s, false, nil, args[0])
		}}
	case "encode":
		return &textMethod{params: []string{"encoding?", "errors?"}, call: encode}
	}
	return nil
}

// bindFormat is the format method, which takes any arguments.
func bindFormat(s string, markup bool) *Func {
	return &Func{Name: "format of str object", Fn: func(th *Thread, args Args) (Value, error) {
		named := NewDict()
		for _, kw := range args.Kw {
			named.Set(kw.Name, kw.Value)
		}
		return formatText(th, s, markup, args.Pos, named)
	}}
}

// formatText is s.format(*args, **named). What it looks up goes through Attribute and
// Subscript, which keep a template from what it may not see.
func formatText(th *Thread, s string, markup bool, args []Value, named Value) (Value, error) {
	f := &formatter{th: th, markup: markup, args: args, named: named}
	out, err := f.expand(s, 2)
	return textLike(markup, out), err
}

type formatter struct {
	th     *Thread
	markup bool // escape what is taken in
	args   []Value
	named  Value
	auto   int  // the next argument of an empty field
	manual bool // a field was numbered
}

// expand replaces the fields of s; a specification may hold fields one level deep.
func (f *formatter) expand(s string, depth int) (string, error) {
	if depth < 0 {
		return "", Raise(ValueError, "Max string recursion exceeded")
	}
	var out strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			i = len(s)
		}
		out.WriteString(s[:i])
		if err := f.th.Alloc(i + 1); err != nil {
			return "", err
		}
		if s = s[i:]; s == "" {
			break
		}
		if len(s) > 1 && s[1] == s[0] {
			out.WriteByte(s[0])
			s = s[2:]
			continue
		}
		if s[0] == '}' {
			return "", Raise(ValueError, "Single '}' encountered in format string")
		}
		field, rest, err := parseField(s[1:])
		if err != nil {
			return "", err
		}
		s = rest
		text, err := f.field(field, depth)
		if err != nil {
			return "", err
		}
		if err := f.th.Alloc(len(text)); err != nil {
			return "", err
		}
		out.WriteString(text)
	}
	return out.String(), nil
}

// field is what stands between braces.
type field struct {
	name       string
	conversion string
	spec       string
}

// parseField reads a field after its opening brace.
func parseField(s string) (f field, rest string, err error) {
	if s == "" {
		return f, "", Raise(ValueError, "Single '{' encountered in format string")
	}
	end := 0
	for end < len(s) && strings.IndexByte("}:!", s[end]) < 0 {
		switch s[end] {
		case '{':
			return f, "", Raise(ValueError, "unexpected '{' in field name")
		case '[':
			close := strings.IndexByte(s[end:], ']')
			if close < 0 {
				close = len(s) - end - 1
			}
			end += close
		}
		end++
	}
	f.name, s = s[:end], s[end:]
	if strings.HasPrefix(s, "!") {
		_, size := utf8.DecodeRuneInString(s[1:])
		if len(s) < 2+size {
			return f, "", Raise(ValueError, "end of string while looking for conversion specifier")
		}
		f.conversion, s = s[1:1+size], s[1+size:]
		if s[0] != ':' && s[0] != '}' {
			return f, "", Raise(ValueError, "expected ':' after conversion specifier")
		}
	}
	if s == "" {
		return f, "", Raise(ValueError, "expected '}' before end of string")
	}
	if s[0] == '}' {
		return f, s[1:], nil
	}
	depth := 1
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 {
			f.spec = s[1:i]
			return f, s[i+1:], nil
		}
	}
	return f, "", Raise(ValueError, "expected '}' before end of string")
}

func (f *formatter) field(fd field, depth int) (string, error) {
	v, err := f.lookup(fd.name)
	if err != nil {
		return "", err
	}
	switch fd.conversion {
	case "":
	case "s", "r", "a":
		s, err := convertShown(f.th, fd.conversion, v)
		if err != nil {
			return "", err
		}
		v = Str(s)
	default:
		return "", Raise(ValueError, "Unknown conversion specifier %s", fd.conversion)
	}
	spec, err := f.expand(fd.spec, depth-1)
	if err != nil {
		return "", err
	}
	if m, ok := v.(Markup); ok && f.markup {
		if spec != "" {
			return "", Raise(ValueError, "Unsupported format specification for Markup.")
		}
		return string(m), nil
	}
	text, err := formatValue(f.th, v, spec)
	if f.markup {
		text = string(Escape(text))
	}
	return text, err
}

func convertShown(th *Thread, conversion string, v Value) (string, error) {
	switch conversion {
	case "r":
		return Repr(th, v)
	case "a":
		return asciiRepr(th, v)
	}
	return String(th, v)
}

// lookup follows a field's name: an argument, then attributes and items.
func (f *formatter) lookup(name string) (Value, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	first, rest := name[:end], name[end:]
	if name == "" {
		if f.manual {
			return nil, Raise(ValueError, "cannot switch from manual field specification to automatic field numbering")
		}
		first = strconv.Itoa(f.auto)
		f.auto++
	} else if all(name, isDigit) {
		if f.auto > 0 {
			return nil, Raise(ValueError, "cannot switch from automatic field numbering to manual field specification")
		}
		f.manual = true
	}
	v, err := f.argument(first)
	for err == nil && rest != "" {
		v, rest, err = f.part(v, rest)
	}
	return v, err
}

func (f *formatter) argument(first string) (Value, error) {
	if i, err := strconv.Atoi(first); err == nil && first[0] >= '0' && first[0] <= '9' {
		if i >= len(f.args) {
			return nil, Raise(IndexError, "Replacement index %d out of range for positional args tuple", i)
		}
		return f.args[i], nil
	}
	return Item(f.th, f.named, Str(first))
}

// part looks up one attribute or item of v.
func (f *formatter) part(v Value, path string) (next Value, rest string, err error) {
	if path[0] == '[' {
		key, rest, ok := strings.Cut(path[1:], "]")
		if !ok {
			return nil, "", Raise(ValueError, "Missing ']' in format string")
		}
		if key == "" {
			return nil, "", Raise(ValueError, "Empty attribute in format string")
		}
		if rest != "" && rest[0] != '.' && rest[0] != '[' {
			return nil, "", Raise(ValueError, "Only '.' or '[' may follow ']' in format field specifier")
		}
		var index Value = Str(key)
		if i, err := strconv.Atoi(key); err == nil && key[0] >= '0' && key[0] <= '9' {
			index = NewInt(i)
		}
		next, err = Subscript(f.th, v, index)
		return next, rest, err
	}
	end := strings.IndexAny(path[1:], ".[")
	if end < 0 {
		end = len(path) - 1
	}
	if end == 0 {
		return nil, "", Raise(ValueError, "Empty attribute in format string")
	}
	next, err = Attribute(f.th, v, path[1:1+end])
	return next, path[1+end:], err
}

// asciiRepr is ascii(v).
func asciiRepr(th *Thread, v Value) (string, error) {
	s, err := Repr(th, v)
	if err != nil || isASCII(s) {
		return s, err
	}
	var out []byte
	for _, r := range runes(s) {
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
		} else {
			out = appendEscape(out, r)
		}
	}
	return string(out), th.Alloc(len(out))
}
