package native

import (
	"net/url"
	"testing"
	"time"
)

func TestAQueryReadsTimesAsClientsSpellThem(t *testing.T) {
	want := time.Date(2026, 1, 31, 12, 0, 0, 5000, time.UTC)
	for _, s := range []string{
		"2026-01-31T12:00:00.000005Z", "2026-01-31T13:00:00.000005+01:00", "2026-01-31T13:00:00.000005 01:00",
		"2026-01-31 12:00:00.000005Z", "2026-01-31 12:00:00.000005+00:00", "2026-01-31 12:00:00.000005 00:00",
	} {
		q := query{values: url.Values{"after": {s}}}
		if got := q.time("after"); !got.Equal(want) || q.err != nil {
			t.Errorf("%q: %v, %v", s, got, q.err)
		}
	}
	for _, s := range []string{"2026-01-31", "12:00", "2026-01-31 ", "now", "1769860800"} {
		q := query{values: url.Values{"after": {s}}}
		if q.time("after"); q.err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}
