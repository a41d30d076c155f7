package py

import (
	"strings"
	"unicode"
)

// numberSigns are the Han characters that mean a number.
const numberSigns = "㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹幺廾廿弌弍弎弐拾捌柒漆玖百肆萬貮貳贰" +
	"阡陆陌陸零\uf96b\uf973\uf978\uf9b2\uf9d1\uf9d3\uf9fd" +
	"𠀁𠁤𠃢𠄡𠤪𠦃𠦌𠦜𠫪𠫽𠬙𢎐𢦘𣬛𦉭\U0002f890"

// digitSigns are the runs of superscript, circled and the like digits, each as its
// first and its last character.
const digitSigns = "\u00b2\u00b3\u00b9\u00b9\u1369\u1371\u19da\u19da\u2070\u2070\u2074\u2079\u2080\u2089" +
	"\u2460\u2468\u2474\u247c\u2488\u2490\u24ea\u24ea\u24f5\u24fd\u24ff\u24ff\u2776\u277e\u2780\u2788\u278a\u2792" +
	"\U00010a40\U00010a43\U00010e60\U00010e68\U00011052\U0001105a\U0001f100\U0001f10a"

func isDigit(r rune) bool {
	if unicode.Is(unicode.Nd, r) {
		return true
	}
	signs := []rune(digitSigns)
	for i := 0; i < len(signs); i += 2 {
		if r >= signs[i] && r <= signs[i+1] {
			return true
		}
	}
	return false
}

func isNumeric(r rune) bool {
	return unicode.Is(unicode.N, r) || unicode.Is(unicode.Han, r) && strings.ContainsRune(numberSigns, r)
}

func isAlnum(r rune) bool { return unicode.IsLetter(r) || isNumeric(r) }

// IsIdentifier is s.isidentifier().
func IsIdentifier(s string) bool {
	for i, r := range s {
		start := r == '_' || unicode.IsLetter(r) || unicode.In(r, unicode.Nl, unicode.Other_ID_Start)
		if !start && (i == 0 || !unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue)) {
			return false
		}
	}
	return s != ""
}

// IsWordChar says whether \w of a regular expression matches a character.
func IsWordChar(r rune) bool { return r == '_' || isAlnum(r) }

// all says whether there are characters and is holds for each.
func all(s string, is func(rune) bool) bool {
	for _, r := range runes(s) {
		if !is(r) {
			return false
		}
	}
	return s != ""
}

// allCased says whether there are cased characters and is holds for each of them.
func allCased(s string, is func(rune) bool) bool {
	found := false
	for _, r := range runes(s) {
		if isCased(r) {
			if !is(r) {
				return false
			}
			found = true
		}
	}
	return found
}

// IsLower is s.islower().
func IsLower(s string) bool { return allCased(s, isLower) }

// IsUpper is s.isupper().
func IsUpper(s string) bool { return allCased(s, isUpper) }

func isTitle(s string) bool {
	found, inWord := false, false
	for _, r := range runes(s) {
		switch {
		case isUpper(r) || unicode.IsTitle(r):
			if inWord {
				return false
			}
			found, inWord = true, true
		case isLower(r):
			if !inWord {
				return false
			}
		default:
			inWord = false
		}
	}
	return found
}

// strTest returns the method that says something about all characters.
func strTest(name string) func(string) bool {
	switch name {
	case "isalnum":
		return func(s string) bool { return all(s, isAlnum) }
	case "isalpha":
		return func(s string) bool { return all(s, unicode.IsLetter) }
	case "isascii":
		return isASCII
	case "isdecimal":
		return func(s string) bool { return all(s, func(r rune) bool { return unicode.Is(unicode.Nd, r) }) }
	case "isdigit":
		return func(s string) bool { return all(s, isDigit) }
	case "isidentifier":
		return IsIdentifier
	case "islower":
		return IsLower
	case "isnumeric":
		return func(s string) bool { return all(s, isNumeric) }
	case "isprintable":
		return func(s string) bool { return s == "" || all(s, isPrintable) }
	case "isspace":
		return func(s string) bool { return all(s, IsSpace) }
	case "istitle":
		return isTitle
	case "isupper":
		return IsUpper
	}
	return nil
}
