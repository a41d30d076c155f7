package py

import (
	"strings"
)

func strSearch(name string) *textMethod {
	window := []string{"sub", "start?", "end?"}
	switch name {
	case "count":
		return &textMethod{params: window, call: strCount}
	case "find", "index":
		return &textMethod{params: window, call: finder(name, strings.Index)}
	case "rfind", "rindex":
		return &textMethod{params: window, call: finder(name, strings.LastIndex)}
	case "startswith":
		return &textMethod{params: window, call: affix(strings.HasPrefix)}
	case "endswith":
		return &textMethod{params: window, call: affix(strings.HasSuffix)}
	case "replace":
		return &textMethod{params: []string{"old", "new", "count?"}, call: strReplace, keeps: true, escapes: true}
	case "removeprefix":
		return &textMethod{params: []string{"prefix"}, call: remover(strings.CutPrefix), keeps: true, escapes: true}
	case "removesuffix":
		return &textMethod{params: []string{"suffix"}, call: remover(strings.CutSuffix), keeps: true, escapes: true}
	case "translate":
		return &textMethod{params: []string{"table"}, call: translate, keeps: true, escapes: true}
	case "maketrans":
		return &textMethod{params: []string{"x", "y?", "z?"}, call: maketrans}
	}
	return nil
}

// textWindow is s[start:end] and where it begins, in characters. ok is false when start is beyond
// the end, where not even the empty text is found.
func textWindow(s string, start, end Value) (part string, skipped int, ok bool, err error) {
	if isAbsent(start) && isAbsent(end) {
		return s, 0, true, nil
	}
	n := runeCount(s)
	sp, err := Slice{Start: start, Stop: end}.indices(n)
	if err != nil {
		return "", 0, false, err
	}
	if !isAbsent(start) {
		if i, _ := Index(start); i > n {
			return "", 0, false, nil
		}
	}
	if sp.stop < sp.start {
		return "", 0, false, nil
	}
	from := offset(s, sp.start)
	return s[from : from+offset(s[from:], sp.stop-sp.start)], sp.start, true, nil
}

func needText(v Value) (string, error) {
	s, ok := Text(v)
	if !ok {
		return "", Raise(TypeError, "must be str, not %s", v.TypeName())
	}
	return s, nil
}

func strCount(_ *Thread, s string, args []Value) (Value, error) {
	sub, err := needText(args[0])
	if err != nil {
		return nil, err
	}
	part, _, ok, err := textWindow(s, args[1], args[2])
	if err != nil || !ok {
		return NewInt(0), err
	}
	if sub == "" {
		return NewInt(runeCount(part) + 1), nil
	}
	return NewInt(strings.Count(part, sub)), nil
}

func finder(name string, index func(s, sub string) int) func(*Thread, string, []Value) (Value, error) {
	return func(_ *Thread, s string, args []Value) (Value, error) {
		sub, err := needText(args[0])
		if err != nil {
			return nil, err
		}
		part, skipped, ok, err := textWindow(s, args[1], args[2])
		if err != nil {
			return nil, err
		}
		at := -1
		if ok {
			at = index(part, sub)
		}
		switch {
		case at >= 0:
			return NewInt(skipped + runeCount(part[:at])), nil
		case strings.HasSuffix(name, "index"):
			return nil, Raise(ValueError, "substring not found")
		}
		return NewInt(-1), nil
	}
}

// affix looks for one text, or any of a tuple of them, at an end.
func affix(has func(s, affix string) bool) func(*Thread, string, []Value) (Value, error) {
	return func(th *Thread, s string, args []Value) (Value, error) {
		part, _, ok, err := textWindow(s, args[1], args[2])
		if err != nil {
			return nil, err
		}
		wanted := []Value{args[0]}
		if t, tuple := args[0].(*Tuple); tuple {
			wanted = t.Items
		}
		for _, w := range wanted {
			text, err := needText(w)
			if err != nil {
				return nil, err
			}
			if ok && has(part, text) {
				return Bool(true), nil
			}
		}
		return Bool(false), th.Step(len(wanted))
	}
}

func remover(cut func(s, affix string) (string, bool)) func(*Thread, string, []Value) (Value, error) {
	return func(_ *Thread, s string, args []Value) (Value, error) {
		affix, err := needText(args[0])
		if err != nil {
			return nil, err
		}
		s, _ = cut(s, affix)
		return Str(s), nil
	}
}

func strReplace(th *Thread, s string, args []Value) (Value, error) {
	from, err := needText(args[0])
	if err != nil {
		return nil, err
	}
	to, err := needText(args[1])
	if err != nil {
		return nil, err
	}
	count, err := IntOr(args[2], -1)
	if err != nil {
		return nil, err
	}
	out, err := Replace(th, s, from, to, count)
	return Str(out), err
}

// Replace is s.replace(from, to, count): all of them when count is negative.
func Replace(th *Thread, s, from, to string, count int) (string, error) {
	places := runeCount(s) + 1
	if from != "" {
		places = strings.Count(s, from)
	}
	if count >= 0 {
		places = min(places, count)
	}
	if err := th.Alloc(product(places, len(to)) + len(s)); err != nil {
		return "", err
	}
	if from == "" && places > 0 { // strings.Replace would split half surrogates
		return interleave(s, to, places), nil
	}
	return strings.Replace(s, from, to, places), nil
}

// interleave puts text before each of the first n characters, and maybe at the end.
func interleave(s, text string, n int) string {
	var b strings.Builder
	for ; s != "" && n > 0; n-- {
		_, size := decodeRune(s)
		b.WriteString(text + s[:size])
		s = s[size:]
	}
	b.WriteString(s)
	if n > 0 {
		b.WriteString(text)
	}
	return b.String()
}

func translate(th *Thread, s string, args []Value) (Value, error) {
	var out []byte
	for _, r := range runes(s) {
		to, err := Item(th, args[0], NewInt(int(r)))
		switch {
		case Caught(err, LookupError):
			to = NewInt(int(r))
		case err != nil:
			return nil, err
		}
		before := len(out)
		switch to := to.(type) {
		case None:
		case Str:
			out = append(out, to...)
		case Int:
			c, _ := to.Small()
			if c < 0 || c > 0x10ffff {
				return nil, Raise(ValueError, "character mapping must be in range(0x110000)")
			}
			out = appendRune(out, rune(c))
		default:
			return nil, Raise(TypeError, "character mapping must return integer, None or str")
		}
		if err := th.Alloc(len(out) - before); err != nil {
			return nil, err
		}
	}
	return Str(out), nil
}

func maketrans(th *Thread, _ string, args []Value) (Value, error) {
	table := NewDict()
	if args[1] == nil {
		d, ok := args[0].(*Dict)
		if !ok {
			return nil, Raise(TypeError, "if you give only one argument to maketrans it must be a dict")
		}
		for key, v := range d.All() {
			if s, ok := Text(key); ok {
				if runeCount(s) != 1 {
					return nil, Raise(ValueError, "string keys in translate table must be of length 1")
				}
				key = NewInt(int(runes(s)[0]))
			}
			if err := table.SetItem(th, key, v); err != nil {
				return nil, err
			}
		}
		return table, nil
	}
	var texts [3]string
	for i, a := range args {
		var err error
		if texts[i], err = TextOr(a, ""); err != nil {
			return nil, err
		}
	}
	from, to := runes(texts[0]), runes(texts[1])
	if len(from) != len(to) {
		return nil, Raise(ValueError, "the first two maketrans arguments must have equal length")
	}
	for i, r := range from {
		if err := table.SetItem(th, NewInt(int(r)), NewInt(int(to[i]))); err != nil {
			return nil, err
		}
	}
	for _, r := range runes(texts[2]) {
		if err := table.SetItem(th, NewInt(int(r)), None{}); err != nil {
			return nil, err
		}
	}
	return table, nil
}
