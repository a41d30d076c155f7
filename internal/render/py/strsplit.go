package py

import (
	"strings"
)

func strSplit(name string) *textMethod {
	chars := []string{"chars?"}
	splitting := []string{"sep?", "maxsplit?"}
	switch name {
	case "strip":
		return &textMethod{params: chars, call: stripper(both), keeps: true, escapes: true}
	case "lstrip":
		return &textMethod{params: chars, call: stripper(left), keeps: true, escapes: true}
	case "rstrip":
		return &textMethod{params: chars, call: stripper(right), keeps: true, escapes: true}
	case "split":
		return &textMethod{params: splitting, call: splitter(splitWords, splitAt), keeps: true}
	case "rsplit":
		return &textMethod{params: splitting, call: splitter(splitWordsRight, splitAtRight), keeps: true}
	case "splitlines":
		return &textMethod{params: []string{"keepends?"}, call: splitlines, keeps: true}
	case "partition":
		return &textMethod{params: []string{"sep"}, call: partition(false), keeps: true, escapes: true}
	case "rpartition":
		return &textMethod{params: []string{"sep"}, call: partition(true), keeps: true, escapes: true}
	case "join":
		return &textMethod{params: []string{"iterable"}, call: strJoin}
	}
	return nil
}

func stripper(e ends) func(*Thread, string, []Value) (Value, error) {
	return func(th *Thread, s string, args []Value) (Value, error) {
		if isAbsent(args[0]) {
			return Str(strip(s, "", e)), nil
		}
		chars, err := needText(args[0])
		if err != nil {
			return nil, err
		}
		if chars == "" {
			return Str(s), nil
		}
		return Str(strip(s, chars, e)), th.Scan(product(len(s), len(chars)/8))
	}
}

// StripChars is s.strip(chars).
func StripChars(s, chars string) string {
	if chars == "" {
		return s
	}
	return strip(s, chars, both)
}

func splitter(words func(string, int) []string, at func(s, sep string, n int) []string) func(*Thread, string, []Value) (Value, error) {
	return func(th *Thread, s string, args []Value) (Value, error) {
		n, err := IntOr(args[1], -1)
		if err != nil {
			return nil, err
		}
		var parts []string
		if isAbsent(args[0]) {
			parts = words(s, n)
		} else {
			sep, err := needText(args[0])
			if err != nil {
				return nil, err
			}
			if sep == "" {
				return nil, Raise(ValueError, "empty separator")
			}
			parts = at(s, sep, n)
		}
		return textList(th, parts)
	}
}

func textList(th *Thread, parts []string) (Value, error) {
	if err := th.AllocItems(2 * len(parts)); err != nil {
		return nil, err
	}
	items := make([]Value, len(parts))
	for i, p := range parts {
		items[i] = Str(p)
	}
	return NewList(items...), nil
}

func splitAt(s, sep string, n int) []string {
	if n < 0 {
		return strings.Split(s, sep)
	}
	return strings.SplitN(s, sep, min(n, len(s))+1)
}

func splitAtRight(s, sep string, n int) []string {
	var parts []string
	for n != 0 {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		parts = append(parts, s[i+len(sep):])
		s = s[:i]
		n--
	}
	return reverse(append(parts, s))
}

func reverse(parts []string) []string {
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return parts
}

// splitWords splits at white space, n times at most unless n is negative.
func splitWords(s string, n int) []string {
	var parts []string
	for s = StripLeft(s); s != ""; s = StripLeft(s) {
		end := indexRune(s, IsSpace)
		if n == 0 {
			return append(parts, s)
		}
		parts = append(parts, s[:end])
		s = s[end:]
		n--
	}
	return parts
}

func splitWordsRight(s string, n int) []string {
	var parts []string
	for s = StripRight(s); s != ""; s = StripRight(s) {
		if n == 0 {
			parts = append(parts, s)
			break
		}
		start := len(s)
		for start > 0 {
			r, size := decodeLastRune(s[:start])
			if IsSpace(r) {
				break
			}
			start -= size
		}
		parts = append(parts, s[start:])
		s = s[:start]
		n--
	}
	return reverse(parts)
}

// indexRune is where the first character is for which is holds; the end if none.
func indexRune(s string, is func(rune) bool) int {
	for at := 0; at < len(s); {
		r, size := decodeRune(s[at:])
		if is(r) {
			return at
		}
		at += size
	}
	return len(s)
}

// Fields splits at white space.
func Fields(s string) []string { return splitWords(s, -1) }

func isLineBreak(r rune) bool {
	return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
}

// Lines is s.splitlines(keepends).
func Lines(s string, keepEnds bool) []string {
	var lines []string
	for s != "" {
		end := indexRune(s, isLineBreak)
		next := end
		if end < len(s) {
			_, size := decodeRune(s[end:])
			next += size
			if strings.HasPrefix(s[end:], "\r\n") {
				next++
			}
		}
		if keepEnds {
			end = next
		}
		lines = append(lines, s[:end])
		s = s[next:]
	}
	return lines
}

func splitlines(th *Thread, s string, args []Value) (Value, error) {
	keepEnds, err := IntOr(args[0], 0)
	if err != nil {
		return nil, err
	}
	return textList(th, Lines(s, keepEnds != 0))
}

func partition(fromRight bool) func(*Thread, string, []Value) (Value, error) {
	return func(_ *Thread, s string, args []Value) (Value, error) {
		sep, err := needText(args[0])
		if err != nil {
			return nil, err
		}
		if sep == "" {
			return nil, Raise(ValueError, "empty separator")
		}
		i := strings.Index(s, sep)
		if fromRight {
			i = strings.LastIndex(s, sep)
		}
		switch {
		case i >= 0:
			return NewTuple(Str(s[:i]), Str(sep), Str(s[i+len(sep):])), nil
		case fromRight:
			return NewTuple(Str(""), Str(""), Str(s)), nil
		}
		return NewTuple(Str(s), Str(""), Str("")), nil
	}
}

func strJoin(th *Thread, s string, args []Value) (Value, error) {
	items, err := Collect(th, args[0])
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(items))
	total := 0
	for i, item := range items {
		text, ok := Text(item)
		if !ok {
			return nil, Raise(TypeError, "sequence item %d: expected str instance, %s found", i, item.TypeName())
		}
		parts[i] = text
		total += len(text) + len(s)
		if total > th.bytes {
			break
		}
	}
	if err := th.Alloc(total); err != nil {
		return nil, err
	}
	return Str(strings.Join(parts, s)), nil
}
