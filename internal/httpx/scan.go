package httpx

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 500

// Why text is not JSON (RFC 8259).
var (
	errEnd      = errors.New("it ends too early")
	errUnquoted = errors.New("there is something that is no JSON value")
	errControl  = errors.New("a text has a control character that is not escaped")
	errEscape   = errors.New("a text has an unknown escape")
	errNumber   = errors.New("a number is not spelled as JSON wants it")
	errMember   = errors.New("an object has something else than \"name\": value")
	errComma    = errors.New("there is no comma or closing bracket behind a value")
	errTrailing = errors.New("there is something behind the value")
	errDepth    = errors.New("it is nested too deeply")
)

// CheckJSON says whether b is one JSON value of bounded depth.
func CheckJSON(b []byte) error {
	i, err := skipValue(b, skipSpace(b, 0), MaxDepth)
	if err != nil {
		return err
	}
	if skipSpace(b, i) != len(b) {
		return errTrailing
	}
	return nil
}

// IsObject says whether b, which is JSON, is an object.
func IsObject(b []byte) bool {
	i := skipSpace(b, 0)
	return i < len(b) && b[i] == '{'
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue checks the value that begins at i and returns the place behind it.
func skipValue(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return i, errEnd
	}
	switch c := b[i]; {
	case c == '"':
		return skipText(b, i+1)
	case c == '{':
		return skipObject(b, i+1, depth-1)
	case c == '[':
		return skipArray(b, i+1, depth-1)
	case c == '-' || c >= '0' && c <= '9':
		return skipNumber(b, i)
	case c == 't':
		return skipWord(b, i, "true")
	case c == 'f':
		return skipWord(b, i, "false")
	case c == 'n':
		return skipWord(b, i, "null")
	}
	return i, errUnquoted
}

func skipWord(b []byte, i int, word string) (int, error) {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return i, errUnquoted
	}
	return i + len(word), nil
}

func skipObject(b []byte, i, depth int) (int, error) {
	if depth < 0 {
		return i, errDepth
	}
	if i = skipSpace(b, i); i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		_, at, err := skipName(b, i)
		if err != nil {
			return at, err
		}
		if i, err = skipValue(b, at, depth); err != nil {
			return i, err
		}
		var more bool
		if i, more, err = skipComma(b, i, '}'); !more {
			return i, err
		}
	}
}

// skipName reads a member's name with its quotes and the colon, and returns the
// place of the value.
func skipName(b []byte, i int) (name []byte, value int, err error) {
	if i >= len(b) {
		return nil, i, errEnd
	}
	if b[i] != '"' {
		return nil, i, errMember
	}
	end, err := skipText(b, i+1)
	if err != nil {
		return nil, end, err
	}
	name = b[i:end]
	if i = skipSpace(b, end); i >= len(b) {
		return nil, i, errEnd
	}
	if b[i] != ':' {
		return nil, i, errMember
	}
	return name, skipSpace(b, i+1), nil
}

func skipArray(b []byte, i, depth int) (int, error) {
	if depth < 0 {
		return i, errDepth
	}
	if i = skipSpace(b, i); i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		var err error
		if i, err = skipValue(b, i, depth); err != nil {
			return i, err
		}
		var more bool
		if i, more, err = skipComma(b, i, ']'); !more {
			return i, err
		}
	}
}

// skipComma goes behind a value of a list that closes with end: to the next one, or, when
// there are no more, behind the end.
func skipComma(b []byte, i int, end byte) (next int, more bool, err error) {
	if i = skipSpace(b, i); i >= len(b) {
		return i, false, errEnd
	}
	switch b[i] {
	case ',':
		return skipSpace(b, i+1), true, nil
	case end:
		return i + 1, false, nil
	}
	return i, false, errComma
}

// skipText checks a text from behind its opening quote, eight bytes at a time.
func skipText(b []byte, i int) (int, error) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^ones*'"', w^ones*'\\'
			// A byte's top bit is set where the byte is a quote, a backslash or
			// below 0x20; bytes above the first such one may be set wrongly.
			stop := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & tops
			if stop != 0 {
				i += bits.TrailingZeros64(stop) / 8
				break
			}
			i += 8
		}
		if i >= len(b) {
			return i, errEnd
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			var err error
			if i, err = skipEscape(b, i+1); err != nil {
				return i, err
			}
		case c < 0x20:
			return i, errControl
		default:
			i++
		}
	}
}

func skipEscape(b []byte, i int) (int, error) {
	if i >= len(b) {
		return i, errEnd
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1, nil
	case 'u':
		if i+5 > len(b) {
			return i, errEnd
		}
		for _, c := range b[i+1 : i+5] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return i, errEscape
			}
		}
		return i + 5, nil
	}
	return i, errEscape
}

func skipNumber(b []byte, i int) (int, error) {
	if b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	default:
		n := skipDigits(b, i)
		if n == i {
			return i, errNumber
		}
		i = n
	}
	if i < len(b) && b[i] == '.' {
		n := skipDigits(b, i+1)
		if n == i+1 {
			return i, errNumber
		}
		i = n
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n := skipDigits(b, i)
		if n == i {
			return i, errNumber
		}
		i = n
	}
	return i, nil
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
