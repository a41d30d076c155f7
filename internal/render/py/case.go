package py

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// severalLetters holds what becomes of a letter that has no single capital: the
// letter, its capitals, and its capitals at the beginning of a word. Greek letters
// with an iota below are left out where a rule does. (Unicode, SpecialCasing.txt.)
const severalLetters = "|" +
	"\u00df SS Ss|\u0149 \u02bcN \u02bcN|\u01f0 J\u030c J\u030c|" +
	"\u0390 \u0399\u0308\u0301 \u0399\u0308\u0301|\u03b0 \u03a5\u0308\u0301 \u03a5\u0308\u0301|" +
	"\u0587 \u0535\u0552 \u0535\u0582|\u1e96 H\u0331 H\u0331|\u1e97 T\u0308 T\u0308|" +
	"\u1e98 W\u030a W\u030a|\u1e99 Y\u030a Y\u030a|\u1e9a A\u02be A\u02be|" +
	"\u1f50 \u03a5\u0313 \u03a5\u0313|\u1f52 \u03a5\u0313\u0300 \u03a5\u0313\u0300|" +
	"\u1f54 \u03a5\u0313\u0301 \u03a5\u0313\u0301|\u1f56 \u03a5\u0313\u0342 \u03a5\u0313\u0342|" +
	"\u1fb2 \u1fba\u0399 \u1fba\u0345|\u1fb3 \u0391\u0399 \u1fbc|\u1fb4 \u0386\u0399 \u0386\u0345|" +
	"\u1fb6 \u0391\u0342 \u0391\u0342|\u1fb7 \u0391\u0342\u0399 \u0391\u0342\u0345|" +
	"\u1fbc \u0391\u0399 \u1fbc|\u1fc2 \u1fca\u0399 \u1fca\u0345|\u1fc3 \u0397\u0399 \u1fcc|" +
	"\u1fc4 \u0389\u0399 \u0389\u0345|\u1fc6 \u0397\u0342 \u0397\u0342|" +
	"\u1fc7 \u0397\u0342\u0399 \u0397\u0342\u0345|\u1fcc \u0397\u0399 \u1fcc|" +
	"\u1fd2 \u0399\u0308\u0300 \u0399\u0308\u0300|\u1fd3 \u0399\u0308\u0301 \u0399\u0308\u0301|" +
	"\u1fd6 \u0399\u0342 \u0399\u0342|\u1fd7 \u0399\u0308\u0342 \u0399\u0308\u0342|" +
	"\u1fe2 \u03a5\u0308\u0300 \u03a5\u0308\u0300|\u1fe3 \u03a5\u0308\u0301 \u03a5\u0308\u0301|" +
	"\u1fe4 \u03a1\u0313 \u03a1\u0313|\u1fe6 \u03a5\u0342 \u03a5\u0342|" +
	"\u1fe7 \u03a5\u0308\u0342 \u03a5\u0308\u0342|\u1ff2 \u1ffa\u0399 \u1ffa\u0345|" +
	"\u1ff3 \u03a9\u0399 \u1ffc|\u1ff4 \u038f\u0399 \u038f\u0345|\u1ff6 \u03a9\u0342 \u03a9\u0342|" +
	"\u1ff7 \u03a9\u0342\u0399 \u03a9\u0342\u0345|\u1ffc \u03a9\u0399 \u1ffc|\ufb00 FF Ff|" +
	"\ufb01 FI Fi|\ufb02 FL Fl|\ufb03 FFI Ffi|\ufb04 FFL Ffl|\ufb05 ST St|\ufb06 ST St|" +
	"\ufb13 \u0544\u0546 \u0544\u0576|\ufb14 \u0544\u0535 \u0544\u0565|" +
	"\ufb15 \u0544\u053b \u0544\u056b|\ufb16 \u054e\u0546 \u054e\u0576|" +
	"\ufb17 \u0544\u053d \u0544\u056d|"

// capitals looks a letter up in severalLetters.
func capitals(r rune) (upper, title string, ok bool) {
	switch {
	case r >= 0x1f80 && r <= 0x1faf: // Greek with an iota below
		base := []rune{0x1f08, 0x1f28, 0x1f68}[(r-0x1f80)/16]
		return string(base+r&7) + "\u0399", string(unicode.ToTitle(r)), true
	case r == 0xdf, r == 0x149, r == 0x1f0, r == 0x390, r == 0x3b0, r == 0x587,
		r >= 0x1e96 && r <= 0x1ffc, r >= 0xfb00 && r <= 0xfb17:
	default:
		return "", "", false
	}
	_, after, ok := strings.Cut(severalLetters, "|"+string(r)+" ")
	if !ok {
		return "", "", false
	}
	entry, _, _ := strings.Cut(after, "|")
	upper, title, _ = strings.Cut(entry, " ")
	return upper, title, true
}

func appendUpper(out []byte, r rune) []byte {
	if upper, _, ok := capitals(r); ok {
		return append(out, upper...)
	}
	return appendRune(out, unicode.ToUpper(r))
}

func appendTitle(out []byte, r rune) []byte {
	if _, title, ok := capitals(r); ok {
		return append(out, title...)
	}
	return appendRune(out, unicode.ToTitle(r))
}

// upper is s.upper().
func upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	out := make([]byte, 0, len(s))
	for _, r := range runes(s) {
		out = appendUpper(out, r)
	}
	return string(out)
}

// lower is s.lower().
func lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	all := runes(s)
	out := make([]byte, 0, len(s))
	for i := range all {
		out = appendLower(out, all, i)
	}
	return string(out)
}

// appendLower writes the small letter of character number i. It must see the others:
// a sigma at the end of a word has a shape of its own.
func appendLower(out []byte, all []rune, i int) []byte {
	switch r := all[i]; r {
	case 'İ':
		return append(out, "i\u0307"...)
	case 'Σ':
		if endsWord(all, i) {
			return append(out, "ς"...)
		}
		return append(out, "σ"...)
	default:
		return appendRune(out, unicode.ToLower(r))
	}
}

func endsWord(all []rune, i int) bool {
	before := i - 1
	for before >= 0 && caseIgnorable(all[before]) {
		before--
	}
	after := i + 1
	for after < len(all) && caseIgnorable(all[after]) {
		after++
	}
	return before >= 0 && isCased(all[before]) && (after == len(all) || !isCased(all[after]))
}

// caseIgnorable says whether a character neither begins nor ends a word.
func caseIgnorable(r rune) bool {
	return strings.ContainsRune("'.:·\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a\u0387\u055f\u05f4", r) ||
		unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

func isLower(r rune) bool { return unicode.IsLower(r) || unicode.Is(unicode.Other_Lowercase, r) }

func isUpper(r rune) bool { return unicode.IsUpper(r) || unicode.Is(unicode.Other_Uppercase, r) }

func isCased(r rune) bool { return isLower(r) || isUpper(r) || unicode.IsTitle(r) }

// title is s.title(): every word begins with a capital and goes on in small letters.
func title(s string) string {
	all := runes(s)
	out := make([]byte, 0, len(s))
	inWord := false
	for i, r := range all {
		if inWord {
			out = appendLower(out, all, i)
		} else {
			out = appendTitle(out, r)
		}
		inWord = isCased(r)
	}
	return string(out)
}

// capitalize is s.capitalize().
func capitalize(s string) string {
	all := runes(s)
	out := make([]byte, 0, len(s))
	for i, r := range all {
		if i == 0 {
			out = appendTitle(out, r)
		} else {
			out = appendLower(out, all, i)
		}
	}
	return string(out)
}

func swapcase(s string) string {
	all := runes(s)
	out := make([]byte, 0, len(s))
	for i, r := range all {
		switch {
		case isUpper(r):
			out = appendLower(out, all, i)
		case isLower(r):
			out = appendUpper(out, r)
		default:
			out = appendRune(out, r)
		}
	}
	return string(out)
}

// casefold makes texts equal that differ in case alone.
func casefold(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range runes(s) {
		switch {
		case r == 'ı':
			out = appendRune(out, r)
		case r == 'ẞ':
			out = append(out, "ss"...)
		case r >= 0x13a0 && r <= 0x13ff, r >= 0xab70 && r <= 0xabbf: // Cherokee folds to capitals
			out = appendRune(out, unicode.ToUpper(r))
		default:
			out = append(out, foldUpper(appendUpper(nil, r))...)
		}
	}
	return string(out)
}

func foldUpper(upper []byte) []byte {
	out := make([]byte, 0, utf8.UTFMax)
	for _, r := range runes(string(upper)) {
		if r == 'İ' {
			out = append(out, "i\u0307"...)
		} else {
			out = appendRune(out, unicode.ToLower(r))
		}
	}
	return out
}
