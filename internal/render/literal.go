package render

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/render/py"
)

// numberLength is how long a number at the beginning of s is, 0 when there is none.
// After a point a number has none of its own: "a.0.1" is two steps.
func numberLength(s string, afterPoint bool) (int, tokenKind) {
	whole := digitsLength(s)
	if whole == 0 {
		return 0, 0
	}
	if !afterPoint {
		n := whole
		if n < len(s) && s[n] == '.' {
			if fraction := digitsLength(s[n+1:]); fraction > 0 {
				n += 1 + fraction
			}
		}
		if e := exponentLength(s[n:]); e > 0 {
			return n + e, tokenFloat
		}
		if n > whole {
			return n, tokenFloat
		}
	}
	if s[0] != '0' {
		return whole, tokenInt
	}
	if len(s) > 2 {
		digits := map[byte]string{'b': "01", 'o': "01234567", 'x': "0123456789abcdefABCDEF"}[s[1]|0x20]
		if n := runLength(strings.TrimPrefix(s[2:], "_"), digits); digits != "" && n > 0 {
			return len(s) - len(strings.TrimPrefix(s[2:], "_")) + n, tokenInt
		}
	}
	return runLength(s, "0"), tokenInt
}

func digitsLength(s string) int { return runLength(s, "0123456789") }

// runLength is how long a run of digits is, with single underscores between them.
func runLength(s, digits string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '_' && i == n && n > 0 {
			continue
		}
		if strings.IndexByte(digits, s[i]) < 0 {
			break
		}
		n = i + 1
	}
	return n
}

func exponentLength(s string) int {
	if s == "" || s[0]|0x20 != 'e' {
		return 0
	}
	n := 1
	if len(s) > 1 && (s[1] == '+' || s[1] == '-') {
		n = 2
	}
	if digits := digitsLength(s[n:]); digits > 0 {
		return n + digits
	}
	return 0
}

func wordLength(s string) int {
	n := 0
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if !py.IsWordChar(r) {
			break
		}
		n += size
	}
	return n
}

// textLength is how long a text in quotes is, 0 when there is none or it has no end.
func textLength(s string) int {
	if s[0] != '\'' && s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return 0
}

// parseInt reads the digits of an int token, in the base that they say.
func parseInt(text string) (py.Value, error) { return py.ToInt(py.Str(text), 0) }

func parseFloat(text string) (py.Value, error) { return py.ToFloat(py.Str(text)) }

// unescape resolves the escapes of a text the way Python's unicode_escape does, after
// what is not ASCII was escaped itself: "\é" is a backslash and xe9.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var out []byte
	for s != "" {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			i = len(s)
		}
		out = append(out, s[:i]...)
		if s = s[i:]; s == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(s[1:])
		if r >= utf8.RuneSelf {
			out = append(out, '\\')
			out = append(out, escaped(r)...)
			s = s[1+size:]
			continue
		}
		var err error
		if out, s, err = unescapeOne(out, s[1:]); err != nil {
			return "", err
		}
	}
	return string(out), nil
}

// escaped is how a character that is not ASCII is escaped, without the backslash.
func escaped(r rune) string {
	switch {
	case r <= 0xff:
		return fmt.Sprintf("x%02x", r)
	case r <= 0xffff:
		return fmt.Sprintf("u%04x", r)
	}
	return fmt.Sprintf("U%08x", r)
}

// unescapeOne resolves the escape at the beginning of s, after its backslash.
func unescapeOne(out []byte, s string) (more []byte, rest string, err error) {
	c, rest := s[0], s[1:]
	switch c {
	case '\n':
		return out, rest, nil
	case 'x':
		return hexEscape(out, rest, 2)
	case 'u':
		return hexEscape(out, rest, 4)
	case 'U':
		return hexEscape(out, rest, 8)
	case 'N':
		return nil, "", errors.New("characters by name (\\N) are not supported")
	}
	if c >= '0' && c <= '7' {
		n := 1
		for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			n++
		}
		v, _ := strconv.ParseUint(s[:n], 8, 32)
		return utf8.AppendRune(out, rune(v)), s[n:], nil
	}
	const letters, meanings = `\'"abfnrtv`, "\\'\"\a\b\f\n\r\t\v"
	if i := strings.IndexByte(letters, c); i >= 0 {
		return append(out, meanings[i]), rest, nil
	}
	return append(out, '\\', c), rest, nil
}

func hexEscape(out []byte, s string, digits int) (more []byte, rest string, err error) {
	if len(s) < digits || strings.Trim(s[:digits], "0123456789abcdefABCDEF") != "" {
		return nil, "", errors.New("an escape in a text is cut short")
	}
	v, _ := strconv.ParseUint(s[:digits], 16, 64)
	if v > utf8.MaxRune {
		return nil, "", errors.New("an escape in a text is no character")
	}
	return py.AppendRune(out, rune(v)), s[digits:], nil
}
