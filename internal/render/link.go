package render

import (
	"regexp"
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// linker makes links of the addresses in a text.
type linker struct {
	trim        int // characters of an address that are shown; negative for all
	rel, target string
	schemes     []string // addresses of others than the web and mail
}

// What counts as an address of the web, as one of mail, and as the scheme of others.
var (
	webAddress = regexp.MustCompile(`(?i)^(?:(?:https?://|www\.)(?:(?:[\pL\pN_%-]+\.)+)?(?:[a-z]{2,63}|xn--[\pL\pN_%]{2,59})` +
		`|(?:[\pL\pN_%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)` +
		`|https?://(?:\d{1,3}(?:\.\d{1,3}){3}|\[(?:[\da-f]{0,4}:){2}(?:[\da-f]{0,4}:?){1,6}\]))` +
		`(?::\d{1,5})?(?:[/?#]\S*)?$`)
	mailAddress = regexp.MustCompile(`^\S+@[\pL\pN_][\pL\pN_.-]*\.[\pL\pN_]+$`)
	schemeStart = regexp.MustCompile(`^[\pL\pN_.+-]{2,}:/{0,2}$`)
)

func isScheme(s string) bool { return schemeStart.MatchString(s) }

// link goes through the words of a text that was escaped.
func (l *linker) link(text string) string {
	var b strings.Builder
	for text != "" {
		word := len(text) - len(py.StripLeft(text))
		b.WriteString(text[:word])
		text = text[word:]
		end := strings.IndexFunc(text, func(r rune) bool { return py.IsSpace(r) })
		if end < 0 {
			end = len(text)
		}
		l.word(&b, text[:end])
		text = text[end:]
	}
	return b.String()
}

// word writes a word, with a link when it is an address. Brackets and punctuation
// around it stay outside, but for brackets that were opened inside.
func (l *linker) word(b *strings.Builder, word string) {
	head := len(word) - len(trimAny(word, strings.CutPrefix, "(", "<", "&lt;"))
	b.WriteString(word[:head])
	word = word[head:]
	middle := trimAny(word, strings.CutSuffix, ")", ">", ".", ",", "&gt;")
	tail := word[len(middle):]
	for _, pair := range [...][2]string{{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}} {
		opened := strings.Count(middle, pair[0])
		if opened <= strings.Count(middle, pair[1]) {
			continue
		}
		for range min(opened, strings.Count(tail, pair[1])) {
			end := strings.Index(tail, pair[1]) + len(pair[1])
			middle = word[:len(middle)+end]
			tail = tail[end:]
		}
	}
	l.address(b, middle)
	b.WriteString(tail)
}

// trimAny cuts any of the parts off an end, as often as there are any.
func trimAny(s string, cut func(s, part string) (string, bool), parts ...string) string {
again:
	for _, part := range parts {
		if shorter, ok := cut(s, part); ok {
			s = shorter
			goto again
		}
	}
	return s
}

func (l *linker) address(b *strings.Builder, s string) {
	switch {
	case webAddress.MatchString(s):
		href := s
		if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
			href = "https://" + s
		}
		b.WriteString(`<a href="` + href + `"` + l.rel + l.target + `>` + l.shown(s) + `</a>`)
	case strings.HasPrefix(s, "mailto:") && mailAddress.MatchString(s[7:]):
		b.WriteString(`<a href="` + s + `">` + s[7:] + `</a>`)
	case !strings.HasPrefix(s, "www.") && !strings.Contains(s, ":") && mailAddress.MatchString(s):
		b.WriteString(`<a href="mailto:` + s + `">` + s + `</a>`)
	default:
		for _, scheme := range l.schemes {
			if s != scheme && strings.HasPrefix(s, scheme) {
				s = `<a href="` + s + `"` + l.rel + l.target + `>` + s + `</a>`
			}
		}
		b.WriteString(s)
	}
}

// shown is the text of a link.
func (l *linker) shown(s string) string {
	all := []rune(s)
	if l.trim < 0 || len(all) <= l.trim {
		return s
	}
	return string(all[:l.trim]) + "..."
}
