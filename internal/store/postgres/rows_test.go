package postgres

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/internal/id"
)

// row has a column of every type.
type row struct {
	ID    id.ID
	Text  string
	Bytes []byte
	Big   int64
	Int   int32
	Small int16
	Bool  bool
	Time  time.Time
}

func TestRowsArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	db.exec(t, `CREATE TYPE sample AS (a uuid, b text, c bytea, d bigint, e integer, f smallint, g boolean, h bigint)`)
	if _, err := db.admin.Prepare(t.Context(), "sample", `SELECT s.*, $2::bigint[] FROM unnest($1::sample[]) s`); err != nil {
		t.Fatal(err)
	}
	var oid uint32
	db.scan(t, `SELECT 'sample'::regtype::oid`, nil, &oid)
	end := time.Now().Add(2 * time.Second)
	rapid.Check(t, func(rt *rapid.T) {
		if time.Now().After(end) {
			return
		}
		want := rapid.SliceOfN(rapid.Custom(anyRow), 0, 20).Draw(rt, "rows")
		numbers := rapid.SliceOf(rapid.Int64()).Draw(rt, "numbers")
		r := newRows(oid, 8, rapid.IntRange(0, 200).Draw(rt, "size"))
		for i := range want {
			v := &want[i]
			r.next()
			r.id(&v.ID)
			r.textOrNull(v.Text)
			r.bytes(v.Bytes)
			r.int64(v.Big)
			r.int32(v.Int)
			r.int16(v.Small)
			r.bool(v.Bool)
			r.micros(v.Time)
		}
		params := [][]byte{r.param(), int8s(numbers)}
		answer := db.admin.PgConn().ExecPrepared(t.Context(), "sample", params, binaryFormat, binaryFormat).Read()
		if answer.Err != nil {
			rt.Fatal(answer.Err)
		}
		var got []row
		for _, values := range answer.Rows {
			var v row
			var text *string
			var micros *int64
			var back []int64
			for i, dest := range []any{(*[16]byte)(&v.ID), &text, &v.Bytes, &v.Big, &v.Int, &v.Small, &v.Bool, &micros, &back} {
				if err := db.admin.TypeMap().Scan(answer.FieldDescriptions[i].DataTypeOID, 1, values[i], dest); err != nil {
					rt.Fatal(err)
				}
			}
			if text != nil {
				v.Text = *text
			}
			if micros != nil {
				v.Time = time.UnixMicro(*micros).UTC()
			}
			if d := cmp.Diff(numbers, back, cmpopts.EquateEmpty()); d != "" {
				rt.Fatalf("numbers (+) are not what was sent (-):\n%s", d)
			}
			got = append(got, v)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			rt.Fatalf("got (+) is not what was sent (-):\n%s", d)
		}
	})
}

func anyRow(t *rapid.T) row {
	v := row{
		Text: rapid.StringMatching(`[a-zü€"\\ ]*`).Draw(t, "text"), Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"),
		Big: rapid.Int64().Draw(t, "big"), Int: rapid.Int32().Draw(t, "int"), Small: rapid.Int16().Draw(t, "small"),
		Bool: rapid.Bool().Draw(t, "bool"),
	}
	copy(v.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	if rapid.Bool().Draw(t, "null") {
		v.Bytes = nil
		return v
	}
	v.Time = time.UnixMicro(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "time")).UTC()
	return v
}
