package py

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// decodeRune is utf8.DecodeRuneInString that knows halves of surrogate pairs.
func decodeRune(s string) (r rune, size int) {
	if r, size = utf8.DecodeRuneInString(s); r != utf8.RuneError || size != 1 {
		return r, size
	}
	if len(s) >= 3 && s[0] == 0xed && s[1] >= 0xa0 && s[1] <= 0xbf && s[2]&0xc0 == 0x80 {
		return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return r, size
}

// appendRune is utf8.AppendRune that knows halves of surrogate pairs.
func appendRune(out []byte, r rune) []byte {
	if isSurrogate(r) {
		return append(out, 0xed, 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(out, r)
}

// AppendRune appends a character, which may be half of a surrogate pair.
func AppendRune(out []byte, r rune) []byte { return appendRune(out, r) }

// DecodeRune reads the first character of a Str, which may be half of a surrogate pair.
func DecodeRune(s string) (r rune, size int) { return decodeRune(s) }

func isSurrogate(r rune) bool { return r >= 0xd800 && r <= 0xdfff }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func runes(s string) []rune {
	out := make([]rune, 0, len(s))
	for s != "" {
		r, size := decodeRune(s)
		out = append(out, r)
		s = s[size:]
	}
	return out
}

func fromRunes(rs []rune) string {
	out := make([]byte, 0, len(rs))
	for _, r := range rs {
		out = appendRune(out, r)
	}
	return string(out)
}

// runeCount is the number of characters.
func runeCount(s string) int {
	if utf8.ValidString(s) {
		return utf8.RuneCountInString(s)
	}
	return len(runes(s))
}

// offset is where character number n begins, in bytes; n is not beyond the end.
func offset(s string, n int) int {
	if isASCII(s) {
		return n
	}
	at := 0
	for ; n > 0; n-- {
		_, size := decodeRune(s[at:])
		at += size
	}
	return at
}

// compareText orders by code point, which UTF-8 does by itself.
func compareText(a, b string) int { return strings.Compare(a, b) }

// isPrintable says whether repr shows a character as it is.
func isPrintable(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r < 0x7f
	}
	return unicode.IsPrint(r)
}

// IsSpace says whether Python counts a character as white space.
func IsSpace(r rune) bool {
	switch {
	case r >= 0x09 && r <= 0x0d, r >= 0x1c && r <= 0x20:
		return true
	case r < utf8.RuneSelf:
		return false
	}
	return r == 0x85 || unicode.Is(unicode.Z, r)
}

// ends says which ends of a text something is about.
type ends int

const (
	left  ends = 1
	right ends = 2
	both       = left | right
)

// strip takes white space, or the characters of chars when it is not empty, off the
// ends.
func strip(s, chars string, e ends) string {
	drop := IsSpace
	if chars != "" {
		drop = func(r rune) bool { return strings.Contains(chars, string(appendRune(nil, r))) }
	}
	for e&left != 0 && s != "" {
		r, size := decodeRune(s)
		if !drop(r) {
			break
		}
		s = s[size:]
	}
	for e&right != 0 && s != "" {
		r, size := decodeLastRune(s)
		if !drop(r) {
			break
		}
		s = s[:len(s)-size]
	}
	return s
}

func decodeLastRune(s string) (r rune, size int) {
	if r, size = utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 || len(s) < 3 {
		return r, size
	}
	if last, three := decodeRune(s[len(s)-3:]); three == 3 {
		return last, 3
	}
	return r, size
}

// Strip is text.strip().
func Strip(text string) string { return strip(text, "", both) }

// StripRight is text.rstrip().
func StripRight(text string) string { return strip(text, "", right) }

// StripLeft is text.lstrip().
func StripLeft(text string) string { return strip(text, "", left) }

// plainDigits turns decimal digits of any script into ASCII and drops underscores
// between digits, as int() and float() do. ok is false when one stands elsewhere.
func plainDigits(s string) (plain string, ok bool) {
	if isASCII(s) && !strings.Contains(s, "_") {
		return s, true
	}
	out := make([]byte, 0, len(s))
	digitBefore := false
	for i, r := range s {
		if r == '_' {
			next, _ := decodeRune(s[i+1:])
			if !digitBefore || !unicode.Is(unicode.Nd, next) {
				return "", false
			}
			digitBefore = false
			continue
		}
		digitBefore = unicode.Is(unicode.Nd, r)
		if digitBefore && r >= utf8.RuneSelf {
			r = '0' + rune(decimalValue(r))
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out), true
}

// decimalValue is the value of a decimal digit of any script. They stand in runs of
// ten, each from zero to nine.
func decimalValue(r rune) int {
	for _, run := range unicode.Nd.R16 {
		if r <= rune(run.Hi) {
			return int(r-rune(run.Lo)) % 10
		}
	}
	for _, run := range unicode.Nd.R32 {
		if r <= rune(run.Hi) {
			return int(r-rune(run.Lo)) % 10
		}
	}
	return 0
}
