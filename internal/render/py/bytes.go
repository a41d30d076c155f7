package py

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// encode is s.encode(encoding, errors) for the encodings that make sense here.
func encode(_ *Thread, s string, args []Value) (Value, error) {
	encoding, err := TextOr(args[0], "utf-8")
	if err != nil {
		return nil, err
	}
	mode, err := TextOr(args[1], "strict")
	if err != nil {
		return nil, err
	}
	limit := rune(-1)
	switch strings.ReplaceAll(strings.ToLower(encoding), "_", "-") {
	case "utf-8", "utf8":
		limit = utf8.MaxRune
	case "ascii", "us-ascii":
		limit = 0x7f
	case "latin-1", "latin1", "iso-8859-1":
		limit = 0xff
	default:
		return nil, Raise(LookupError, "unknown encoding: %s", encoding)
	}
	var out []byte
	for _, r := range runes(s) {
		switch {
		case r <= limit && limit == utf8.MaxRune && !isSurrogate(r):
			out = utf8.AppendRune(out, r)
		case r <= limit && limit < utf8.MaxRune:
			out = append(out, byte(r))
		case mode == "ignore":
		case mode == "replace":
			out = append(out, '?')
		default:
			return nil, Raise(UnicodeError, "'%s' codec can't encode character", encoding)
		}
	}
	return Bytes(out), nil
}

// bytesMethod returns the method of bytes of that name, nil when there is none.
func bytesMethod(name string) *method {
	switch name {
	case "hex":
		return &method{call: func(th *Thread, self Value, _ []Value) (Value, error) {
			b := string(self.(Bytes))
			return Str(hex.EncodeToString([]byte(b))), th.Alloc(2 * len(b))
		}}
	case "decode":
		return &method{params: []string{"encoding?", "errors?"}, call: decode}
	}
	return nil
}

func decode(th *Thread, self Value, args []Value) (Value, error) {
	b := string(self.(Bytes))
	encoding, err := TextOr(args[0], "utf-8")
	if err != nil {
		return nil, err
	}
	if err := th.Alloc(2 * len(b)); err != nil {
		return nil, err
	}
	switch strings.ReplaceAll(strings.ToLower(encoding), "_", "-") {
	case "utf-8", "utf8", "ascii", "us-ascii":
		if !utf8.ValidString(b) {
			return nil, Raise(ValueError, "'%s' codec can't decode the bytes", encoding)
		}
		return Str(b), nil
	case "latin-1", "latin1", "iso-8859-1":
		var out []byte
		for i := range len(b) {
			out = utf8.AppendRune(out, rune(b[i]))
		}
		return Str(out), nil
	}
	return nil, Raise(LookupError, "unknown encoding: %s", encoding)
}
