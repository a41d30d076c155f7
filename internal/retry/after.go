package retry

import (
	"math"
	"strings"
	"time"
)

// dateLayouts are the three spellings of a date in HTTP (RFC 9110, section 5.6.7).
var dateLayouts = [...]string{"Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 MST", time.ANSIC}

// ParseRetryAfter reads a Retry-After header (RFC 9110, section 10.2.3): a number
// of seconds, or a date, which is compared with now. A date that has passed is a
// wait of nothing. The answer is never negative, and false where v is neither.
func ParseRetryAfter(v string, now time.Time) (time.Duration, bool) {
	v = strings.Trim(v, " \t")
	if d, ok := parseSeconds(v); ok {
		return d, true
	}
	for _, layout := range dateLayouts {
		if at, err := time.Parse(layout, v); err == nil {
			return max(at.Sub(now), 0), true
		}
	}
	return 0, false
}

// parseSeconds reads digits. What is too much for a Duration is the longest one.
func parseSeconds(v string) (time.Duration, bool) {
	if v == "" {
		return 0, false
	}
	var d time.Duration
	for _, c := range []byte(v) {
		if c < '0' || c > '9' {
			return 0, false
		}
		digit := time.Duration(c-'0') * time.Second
		if d > (math.MaxInt64-digit)/10 {
			d = math.MaxInt64
			continue
		}
		d = d*10 + digit
	}
	return d, true
}
