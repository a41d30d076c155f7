package py

import (
	"slices"
	"strings"
)

// prettyWidth is how wide a line of Pretty may get.
const prettyWidth = 80

// Pretty is pprint.pformat(v): repr on several lines where it is too wide for one, with
// dicts sorted by their keys.
func Pretty(th *Thread, v Value) (string, error) {
	p := &prettyPrinter{th: th}
	err := p.format(v, 0, 0, 0)
	return p.out.String(), err
}

type prettyPrinter struct {
	th   *Thread
	out  strings.Builder
	open []Value
}

func (p *prettyPrinter) write(parts ...string) error {
	for _, s := range parts {
		p.out.WriteString(s)
		if err := p.th.Alloc(len(s)); err != nil {
			return err
		}
	}
	return nil
}

// format writes v from column indent on, so that there is room for allowance more
// characters behind it.
func (p *prettyPrinter) format(v Value, indent, allowance, level int) error {
	for _, outer := range p.open {
		if outer == v {
			return p.write("<Recursion on " + v.TypeName() + ">")
		}
	}
	text, err := p.flat(v)
	if err != nil {
		return err
	}
	if runeCount(text) <= prettyWidth-indent-allowance {
		return p.write(text)
	}
	if err := p.th.Enter(); err != nil {
		return err
	}
	defer p.th.Leave()
	p.open = append(p.open, v)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	switch x := v.(type) {
	case *List:
		return p.items(x.Items, "[", "]", indent, allowance, level)
	case *Tuple:
		end := ")"
		if len(x.Items) == 1 {
			end = ",)"
		}
		return p.items(x.Items, "(", end, indent, allowance, level)
	case *Dict:
		return p.dict(x, indent, allowance, level)
	case Str:
		return p.text(string(x), text, indent, allowance, level)
	}
	return p.write(text)
}

func (p *prettyPrinter) items(items []Value, left, right string, indent, allowance, level int) error {
	if err := p.write(left); err != nil {
		return err
	}
	for i, item := range items {
		room := 1
		if i == len(items)-1 {
			room = allowance + len(right)
		}
		if i > 0 {
			if err := p.write(",\n", strings.Repeat(" ", indent+1)); err != nil {
				return err
			}
		}
		if err := p.format(item, indent+1, room, level+1); err != nil {
			return err
		}
	}
	return p.write(right)
}

func (p *prettyPrinter) dict(d *Dict, indent, allowance, level int) error {
	entries, err := p.sorted(d)
	if err != nil {
		return err
	}
	if err := p.write("{"); err != nil {
		return err
	}
	for i, e := range entries {
		key, err := p.flat(e.key)
		if err != nil {
			return err
		}
		if i > 0 {
			if err := p.write(",\n", strings.Repeat(" ", indent+1)); err != nil {
				return err
			}
		}
		if err := p.write(key, ": "); err != nil {
			return err
		}
		room := 1
		if i == len(entries)-1 {
			room = allowance + 1
		}
		if err := p.format(e.value, indent+1+runeCount(key)+2, room, level+1); err != nil {
			return err
		}
	}
	return p.write("}")
}

// text writes a long text as several, which Python reads as one.
func (p *prettyPrinter) text(s, whole string, indent, allowance, level int) error {
	if level == 0 {
		indent++
		allowance++
	}
	lines := Lines(s, true)
	var chunks []string
	for i, line := range lines {
		last := i == len(lines)-1
		room := prettyWidth - indent
		if last {
			room -= allowance
		}
		if text := quote(line); runeCount(text) <= room {
			chunks = append(chunks, text)
			continue
		}
		more, err := p.words(line, prettyWidth-indent, last, allowance)
		if err != nil {
			return err
		}
		chunks = append(chunks, more...)
	}
	if len(chunks) <= 1 {
		return p.write(whole)
	}
	joined := strings.Join(chunks, "\n"+strings.Repeat(" ", indent))
	if level == 0 {
		joined = "(" + joined + ")"
	}
	return p.write(joined)
}

// words breaks a line behind white space.
func (p *prettyPrinter) words(line string, room int, last bool, allowance int) ([]string, error) {
	var chunks []string
	current := ""
	for line != "" {
		end := indexRune(line, IsSpace)
		end += indexRune(line[end:], func(r rune) bool { return !IsSpace(r) })
		word := line[:end]
		line = line[end:]
		if line == "" && last {
			room -= allowance
		}
		if err := p.th.Scan(8 * (len(current) + len(word))); err != nil {
			return nil, err
		}
		if runeCount(quote(current+word)) > room {
			if current != "" {
				chunks = append(chunks, quote(current))
			}
			current = word
		} else {
			current += word
		}
	}
	if current != "" {
		chunks = append(chunks, quote(current))
	}
	return chunks, nil
}

// sorted are the entries of a dict by their keys; keys without an order among them by
// the names of their types.
func (p *prettyPrinter) sorted(d *Dict) ([]entry, error) {
	if err := p.th.AllocItems(8 * d.Len()); err != nil {
		return nil, err
	}
	entries := slices.Clone(d.entries)
	var failed error
	slices.SortStableFunc(entries, func(a, b entry) int {
		for _, pair := range [...][2]Value{{a.key, b.key}, {b.key, a.key}} {
			less, err := Ordered(p.th, Less, pair[0], pair[1])
			switch {
			case Caught(err, TypeError, UndefinedError):
				return strings.Compare(a.key.TypeName(), b.key.TypeName())
			case err != nil:
				failed = err
				return 0
			case less && pair[0] == a.key:
				return -1
			case less:
				return 1
			}
		}
		return 0
	})
	return entries, failed
}

// flat is repr(v) with dicts sorted.
func (p *prettyPrinter) flat(v Value) (string, error) {
	sorted, err := p.sortedCopy(v, nil)
	if err != nil {
		return "", err
	}
	return Repr(p.th, sorted)
}

// sortedCopy is v with the dicts in it sorted; what holds itself is left alone.
func (p *prettyPrinter) sortedCopy(v Value, open []Value) (Value, error) {
	if slices.Contains(open, v) {
		return v, nil
	}
	if err := p.th.Enter(); err != nil {
		return nil, err
	}
	defer p.th.Leave()
	open = append(open, v)
	copied := func(items []Value) ([]Value, error) {
		out := make([]Value, len(items))
		for i, item := range items {
			var err error
			if out[i], err = p.sortedCopy(item, open); err != nil {
				return nil, err
			}
		}
		return out, p.th.AllocItems(len(items))
	}
	switch x := v.(type) {
	case *List:
		items, err := copied(x.Items)
		return NewList(items...), err
	case *Tuple:
		items, err := copied(x.Items)
		return NewTuple(items...), err
	case *Dict:
		entries, err := p.sorted(x)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			if entries[i].value, err = p.sortedCopy(entries[i].value, open); err != nil {
				return nil, err
			}
		}
		return &Dict{entries: entries}, nil
	}
	return v, nil
}
