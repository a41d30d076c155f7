package sqlstore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// Micros is how a time is stored: microseconds since 1970; 0 is none.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time reads what Micros made.
func Time(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// nullMicros is Micros with NULL for none.
func nullMicros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// StampedMicros is how the time of something is stored whose id says nearly the
// same: NULL when the id says it to the microsecond.
func StampedMicros(t time.Time, v id.ID) any {
	us := t.UnixMicro()
	if us == v.Time().UnixMicro() {
		return nil
	}
	return us
}

// stampedTime reads what StampedMicros made; us is 0 for NULL.
func stampedTime(us int64, v id.ID) time.Time {
	if us == 0 {
		return v.Time().Truncate(time.Microsecond)
	}
	return Time(us)
}

// JoinIDs is how a list of ids is stored.
func JoinIDs(ids []id.ID) []byte {
	b := make([]byte, 0, 16*len(ids))
	for _, v := range ids {
		b = append(b, v[:]...)
	}
	return b
}

// SplitIDs reads what JoinIDs made.
func SplitIDs(b []byte) ([]id.ID, error) {
	if len(b)%16 != 0 {
		return nil, fmt.Errorf("a list of ids has %d bytes", len(b))
	}
	var ids []id.ID
	for ; len(b) > 0; b = b[16:] {
		ids = append(ids, id.ID(b[:16]))
	}
	return ids, nil
}

// ReadID reads an id column; NULL is the zero id.
func ReadID(b []byte) (id.ID, error) {
	if b == nil {
		return id.ID{}, nil
	}
	v, err := id.FromBytes(b)
	if err != nil {
		return v, fmt.Errorf("an id has %d bytes", len(b))
	}
	return v, nil
}

// nullID is how an id is stored that may be none: NULL.
func nullID(v id.ID) any {
	if v.IsZero() {
		return nil
	}
	return v[:]
}

// Texts is how a list of texts is stored: as JSON, or NULL when empty.
func Texts(list []string) any {
	if len(list) == 0 {
		return nil
	}
	b, _ := json.Marshal(list) // texts always encode
	return string(b)
}

// TextMap is how a map of texts is stored: as JSON, or NULL when empty.
func TextMap(m map[string]string) any {
	if len(m) == 0 {
		return nil
	}
	b, _ := json.Marshal(m) // texts always encode
	return string(b)
}
