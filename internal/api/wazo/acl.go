package wazo

import (
	"regexp"
	"strings"
)

// acl is what a token may do, in Wazo's syntax: words with dots between them, where
// "*" is any one word, "#" is anything, "me" is the token's user as well, and a
// leading "!" denies what others allow.
type acl []string

// allows says whether a token of the user has the access.
func (l acl) allows(access, user string) bool {
	allowed := false
	for _, entry := range l {
		pattern, denies := strings.CutPrefix(entry, "!")
		switch {
		case !matchesAccess(pattern, access, user):
		case denies:
			return false
		default:
			allowed = true
		}
	}
	return allowed
}

func matchesAccess(pattern, access, user string) bool {
	var b strings.Builder
	b.WriteByte('^')
	for i, word := range strings.Split(pattern, ".") {
		if i > 0 {
			b.WriteString(`\.`)
		}
		if word == "me" && user != "" {
			b.WriteString("(me|" + regexp.QuoteMeta(user) + ")")
			continue
		}
		text := regexp.QuoteMeta(word)
		text = strings.ReplaceAll(text, `\*`, `[^.#]*`)
		b.WriteString(strings.ReplaceAll(text, "#", ".*"))
	}
	b.WriteByte('$')
	re, err := regexp.Compile(b.String())
	return err == nil && re.MatchString(access)
}

// Bounds on a token's ACL.
const (
	maxEntries   = 500
	maxEntryText = 512 // bytes
)

// checkACL says what is wrong with an ACL, or "".
func checkACL(l acl) string {
	if len(l) > maxEntries {
		return "has too many entries"
	}
	for _, entry := range l {
		if entry == "" || len(entry) > maxEntryText || strings.ContainsFunc(entry, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return "has an entry that is empty, too long or not plain ASCII"
		}
	}
	return ""
}
