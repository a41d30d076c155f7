package viawazo

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzContentType(f *testing.F) {
	for _, text := range []string{"", `Text/HTML; Charset="UTF-8"; x`, "a/b;c=\"d;\\\"e\";f", "charset=;;=", "a/b; charset=utf-16", "x\r\ny"} {
		f.Add(text, "é€")
	}
	f.Fuzz(func(t *testing.T, text, body string) {
		c, err := parseContentType(text)
		if err != nil {
			if !strings.ContainsAny(text, "\r\n") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if strings.ContainsAny(c.String(), "\r\n") || strings.Count(c.media, "/") != 1 || c.charset() == "" {
			t.Errorf("%q is read as %q", text, c)
		}
		out, err := encode(body, c.charset())
		if err != nil || !utf8.ValidString(body) {
			return
		}
		// What was encoded comes back, but for those charsets that write two characters alike.
		if back := decode(out, "a/b; charset="+c.charset()); utf8.RuneCountInString(back) > len(out)+1 {
			t.Errorf("%q in %q comes back as %q", body, c.charset(), back)
		}
	})
}
