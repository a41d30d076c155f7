package httpx

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote returns what a JSON text says. The text has been checked by skipText.
// It is not ok when the text has half a surrogate pair, which no Unicode text can
// hold.
func unquote(quoted []byte) (s string, ok bool) {
	in := quoted[1 : len(quoted)-1]
	at := bytes.IndexByte(in, '\\')
	if at < 0 {
		return string(in), true
	}
	out := append(make([]byte, 0, len(in)), in[:at]...)
	for i := at; i < len(in); {
		if in[i] != '\\' {
			out = append(out, in[i])
			i++
			continue
		}
		c := in[i+1]
		i += 2
		if c != 'u' {
			out = append(out, plainEscape(c))
			continue
		}
		r := rune(hex4(in[i:]))
		i += 4
		if utf16.IsSurrogate(r) {
			if i+6 > len(in) || in[i] != '\\' || in[i+1] != 'u' {
				return "", false
			}
			if r = utf16.DecodeRune(r, rune(hex4(in[i+2:]))); r == utf8.RuneError {
				return "", false
			}
			i += 6
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out), true
}

func plainEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // quote, backslash, slash
}

func hex4(b []byte) (v uint16) {
	for _, c := range b[:4] {
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		v = v<<4 | uint16(c)
	}
	return v
}
