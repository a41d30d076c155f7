package postgres

import (
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/switchhook/switchhook/internal/id"
)

// rows are rows on their way into a statement: one array of a composite type, in
// the binary form of the protocol (array_recv and record_recv in PostgreSQL's
// source), which the statement takes apart with unnest. For every row call next
// and then add its values in the order of the type.
//
// Measured against its rivals, per delivery on the server: one array a column
// costs a third more, COPY a tenth more and a round trip of its own.
type rows struct {
	buf     []byte
	columns int
	start   int // where the row begins that is being written
	count   int
}

const arrayHeader = 20 // dimensions, whether there are nulls, element type, length, lower bound

// newRows makes rows of a composite type with that many columns, and room for
// size bytes.
func newRows(composite uint32, columns, size int) *rows {
	r := &rows{buf: make([]byte, arrayHeader, arrayHeader+size), columns: columns}
	binary.BigEndian.PutUint32(r.buf[0:], 1)
	binary.BigEndian.PutUint32(r.buf[8:], composite)
	binary.BigEndian.PutUint32(r.buf[16:], 1)
	return r
}

// next begins a row.
func (r *rows) next() {
	r.end()
	r.count++
	r.start = len(r.buf)
	r.uint32(0) // its size, once it is known
	r.uint32(uint32(r.columns))
}

func (r *rows) end() {
	if r.count > 0 {
		binary.BigEndian.PutUint32(r.buf[r.start:], uint32(len(r.buf)-r.start-4))
	}
}

// param finishes the array. The rows must not be added to any more.
func (r *rows) param() []byte {
	r.end()
	if r.count == 0 { // an array without elements has no dimension
		binary.BigEndian.PutUint32(r.buf, 0)
		return r.buf[:12]
	}
	binary.BigEndian.PutUint32(r.buf[12:], uint32(r.count))
	return r.buf
}

func (r *rows) uint32(v uint32) { r.buf = binary.BigEndian.AppendUint32(r.buf, v) }

// value begins a value of a type and so many bytes.
func (r *rows) value(oid uint32, size int) {
	r.uint32(oid)
	r.uint32(uint32(size))
}

func (r *rows) null(oid uint32) { r.value(oid, -1) }

func (r *rows) id(v *id.ID) {
	r.value(pgtype.UUIDOID, len(v))
	r.buf = append(r.buf, v[:]...)
}

func (r *rows) int64(v int64) {
	r.value(pgtype.Int8OID, 8)
	r.buf = binary.BigEndian.AppendUint64(r.buf, uint64(v))
}

func (r *rows) int32(v int32) {
	r.value(pgtype.Int4OID, 4)
	r.uint32(uint32(v))
}

func (r *rows) int16(v int16) {
	r.value(pgtype.Int2OID, 2)
	r.buf = binary.BigEndian.AppendUint16(r.buf, uint16(v))
}

func (r *rows) bool(v bool) {
	r.value(pgtype.BoolOID, 1)
	if v {
		r.buf = append(r.buf, 1)
	} else {
		r.buf = append(r.buf, 0)
	}
}

func (r *rows) text(v string) {
	r.value(pgtype.TextOID, len(v))
	r.buf = append(r.buf, v...)
}

// textOrNull adds a text, NULL for none.
func (r *rows) textOrNull(v any) {
	if v, ok := v.(string); ok && v != "" {
		r.text(v)
	} else {
		r.null(pgtype.TextOID)
	}
}

// bytes adds v; nil is NULL.
func (r *rows) bytes(v []byte) {
	if v == nil {
		r.null(pgtype.ByteaOID)
		return
	}
	r.value(pgtype.ByteaOID, len(v))
	r.buf = append(r.buf, v...)
}

// micros adds a time, NULL for none.
func (r *rows) micros(t time.Time) {
	if t.IsZero() {
		r.null(pgtype.Int8OID)
	} else {
		r.int64(t.UnixMicro())
	}
}

// intOrNull adds an int64, or NULL for nil.
func (r *rows) intOrNull(v any) {
	if v, ok := v.(int64); ok {
		r.int64(v)
	} else {
		r.null(pgtype.Int8OID)
	}
}

// int8 is a single number as a parameter.
func int8(v int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(v)) }

// int8s is an array of numbers as a parameter.
func int8s(list []int64) []byte {
	var b []byte
	for _, v := range []uint32{1, 0, pgtype.Int8OID, uint32(len(list)), 1} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	if len(list) == 0 {
		binary.BigEndian.PutUint32(b, 0)
		return b[:12]
	}
	for _, v := range list {
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}
