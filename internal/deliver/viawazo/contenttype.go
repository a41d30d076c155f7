package viawazo

import "strings"

// contentType is a media type with its parameters.
type contentType struct {
	media  string
	params []param
}

type param struct{ name, value string }

// parseContentType reads what a subscription says about its body, as Python's email
// package does: names in lower case, values without quotes, the first of those with
// one name, and text/plain where there is no media type. A parameter without a value is
// dropped, and charset is added when it is not there.
func parseContentType(text string) (contentType, error) {
	if strings.ContainsAny(text, "\r\n") {
		return contentType{}, said("Header values may not contain linefeed or carriage return characters")
	}
	parts := splitOutsideQuotes(text)
	c := contentType{media: strings.ToLower(strings.TrimSpace(parts[0]))}
	if strings.Count(c.media, "/") != 1 {
		c.media = "text/plain"
	}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		p := param{strings.ToLower(strings.TrimSpace(name)), unquote(strings.TrimSpace(value))}
		if p.name != "" && p.value != "" && c.param(p.name) == "" {
			c.params = append(c.params, p)
		}
	}
	if c.charset() == "" {
		c.params = append(c.params, param{"charset", "utf-8"})
	}
	return c, nil
}

// splitOutsideQuotes splits at semicolons that are in no quoted text.
func splitOutsideQuotes(s string) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

func unquote(s string) string {
	inner, ok := strings.CutPrefix(s, `"`)
	if !ok {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(inner) && inner[i] != '"'; i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}

func (c contentType) param(name string) string {
	for _, p := range c.params {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

func (c contentType) charset() string { return c.param("charset") }

// String is the value of the header Content-Type.
func (c contentType) String() string {
	var b strings.Builder
	b.WriteString(c.media)
	for _, p := range c.params {
		b.WriteString("; " + p.name + "=" + p.value)
	}
	return b.String()
}
