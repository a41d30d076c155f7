package deliver

import "strings"

// EscapeURL prepares text to be requested the way browsers and python-requests do: blanks
// before it and the fragment are dropped, and what may not stand in path and query
// (blanks, control and other unsafe characters, everything beyond ASCII, "%" without
// two hex digits) is percent-encoded. What is wrong before the path stays wrong.
func EscapeURL(text string) string {
	text, _, _ = strings.Cut(strings.TrimLeft(text, " \t\r\n"), "#")
	from := 0
	if i := strings.Index(text, "://"); i >= 0 && !strings.ContainsAny(text[:i], "/?") {
		from = i + len("://")
	}
	i := strings.IndexAny(text[from:], "/?")
	if i < 0 {
		return text
	}
	var path strings.Builder
	for rest := text[from+i:]; rest != ""; {
		part, after, found := strings.Cut(rest, "%")
		path.WriteString(part)
		if rest = after; found && twoDigits(rest) {
			path.WriteByte('%')
		} else if found {
			path.WriteString("%25")
		}
	}
	return text[:from+i] + EscapeUnsafe(path.String())
}

// EscapeUnsafe percent-encodes what may not stand in the target of a request: blanks,
// control and other unsafe characters and everything beyond ASCII.
func EscapeUnsafe(s string) string {
	var b strings.Builder
	const digits = "0123456789ABCDEF"
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// twoDigits says whether s begins with two hex digits.
func twoDigits(s string) bool {
	return len(s) >= 2 && strings.Trim(s[:2], "0123456789abcdefABCDEF") == ""
}
