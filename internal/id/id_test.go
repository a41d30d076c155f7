package id_test

import (
	"sort"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/switchhook/switchhook/internal/id"
	"pgregory.net/rapid"
)

func TestNewIsAUUIDv7OfThisMoment(t *testing.T) {
	before := time.Now().Add(-time.Microsecond)
	v := id.New()
	u, err := uuid.Parse(v.String())
	if err != nil || u.Version() != 7 || u.Variant() != uuid.RFC4122 {
		t.Fatalf("%s: version %d variant %v err %v", v, u.Version(), u.Variant(), err)
	}
	if at := v.Time(); at.Before(before) || at.After(time.Now()) {
		t.Errorf("Time() = %v, not between %v and now", at, before)
	}
}

func TestSourceStrictlyIncreases(t *testing.T) {
	var s id.Source
	last := s.New()
	for range 50_000 {
		next := s.New()
		if next.Compare(last) <= 0 {
			t.Fatalf("%s after %s", next, last)
		}
		last = next
	}
}

func TestEverySpellingReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := id.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		for _, s := range []string{v.String(), v.Hex()} {
			if got, err := id.Parse(s); err != nil || got != v {
				t.Fatalf("Parse(%q) = %v, %v", s, got, err)
			}
		}
		p := v.Prefixed("msg_")
		if got, err := id.ParsePrefixed(p, "msg_"); err != nil || got != v || len(p) != 26 {
			t.Fatalf("ParsePrefixed(%q) = %v, %v", p, got, err)
		}
	})
}

func TestPrefixedSortsLikeTheValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := id.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "a"))
		b := id.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "b"))
		texts := []string{a.Prefixed("x_"), b.Prefixed("x_")}
		if sort.StringsAreSorted(texts) != (a.Compare(b) <= 0) {
			t.Fatalf("%v", texts)
		}
	})
}

func TestFromIsALowerBound(t *testing.T) {
	before := time.Now()
	v := id.New()
	if id.From(before).Compare(v) > 0 {
		t.Errorf("From(before) = %s is above %s", id.From(before), v)
	}
	if id.From(time.Now().Add(time.Second)).Compare(v) <= 0 {
		t.Error("From(later) is not above")
	}
}

func TestSinceDividesIDsByTheTimeTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s id.Source
		v := s.New()
		at := v.Time().Add(time.Duration(rapid.IntRange(-3_000_000, 3_000_000).Draw(t, "off")))
		if (v.Compare(id.Since(at)) >= 0) != !v.Time().Before(at) {
			t.Fatalf("%s says %s; Since(%s) = %s", v, v.Time(), at, id.Since(at))
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("018f4e2a-7b3c-7def-8abc-0123456789ab")
	f.Add("msg_02FZr0000000000000000a")
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := id.Parse(s); err == nil {
			if w, err := id.Parse(v.String()); err != nil || w != v {
				t.Fatal(s)
			}
		}
		if v, err := id.ParsePrefixed(s, "msg_"); err == nil && v.Prefixed("msg_") != s {
			t.Fatal(s)
		}
	})
}
