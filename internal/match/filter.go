package match

import (
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Wants says whether the filter lets e through, whoever's event it is: all of the
// filter is tested but its scope. An Index gives the same answer for many filters
// at once.
func Wants(f webhook.Filter, e *webhook.Event) bool {
	doc := document{raw: e.Payload}
	return wantsType(f.Types, e.Type) && wantsAttributes(&f, e) && wantsChannels(&f, e) &&
		doc.satisfies(compile(f.Payload))
}

// pattern is a type pattern: an event type's name, or a prefix of names.
type pattern struct {
	text   string
	prefix bool
}

func parsePattern(text string) pattern {
	rest, prefix := strings.CutSuffix(text, "*")
	return pattern{rest, prefix}
}

func (p pattern) matches(eventType string) bool {
	if p.prefix {
		return strings.HasPrefix(eventType, p.text)
	}
	return eventType == p.text
}

// patterns reads a filter's types and leaves out what others cover, so that no
// event type matches two of what is returned.
func patterns(types []string) []pattern {
	if len(types) == 0 {
		return []pattern{{prefix: true}}
	}
	if len(types) == 1 {
		return []pattern{parsePattern(types[0])}
	}
	all := make([]pattern, len(types))
	for i, text := range types {
		all[i] = parsePattern(text)
	}
	// In this order whatever covers a pattern comes before it, with nothing but
	// other covered ones in between.
	slices.SortFunc(all, func(a, b pattern) int {
		if c := strings.Compare(a.text, b.text); c != 0 || a.prefix == b.prefix {
			return c
		}
		if a.prefix {
			return -1
		}
		return 1
	})
	kept := all[:0]
	var cover pattern // the last prefix kept
	for _, p := range all {
		if cover.prefix && cover.matches(p.text) || len(kept) > 0 && p == kept[len(kept)-1] {
			continue
		}
		kept = append(kept, p)
		if p.prefix {
			cover = p
		}
	}
	return kept
}

func wantsType(types []string, eventType string) bool {
	return len(types) == 0 || slices.ContainsFunc(types, func(text string) bool {
		return parsePattern(text).matches(eventType)
	})
}

func wantsAttributes(f *webhook.Filter, e *webhook.Event) bool {
	for name, want := range f.Attributes {
		if got, ok := e.Attributes[name]; !ok || got != want {
			return false
		}
	}
	return true
}

func wantsChannels(f *webhook.Filter, e *webhook.Event) bool {
	return len(f.Channels) == 0 || slices.ContainsFunc(f.Channels, func(channel string) bool {
		return slices.Contains(e.Channels, channel)
	})
}
