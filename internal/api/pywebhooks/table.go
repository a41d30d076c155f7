package pywebhooks

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// What is read of tables at most.
const (
	maxLine    = 16 << 20  // bytes
	maxRecords = 5_000_000 // in all
)

// place is where a record stands: a line, and in an archive the file with it.
type place struct {
	file string // "" is the one that was given
	line int
}

// String names the place.
func (p place) String() string {
	if p.file == "" {
		return fmt.Sprintf("line %d", p.line)
	}
	return fmt.Sprintf("%s, line %d", p.file, p.line)
}

// wrong is the error of a record.
func (p place) wrong(err error) error {
	return webhook.Errorf(webhook.CodeInvalid, "", "%s: %s; nothing was taken over", p, err)
}

// readTables reads the records of RethinkDB tables and calls take for each: JSON, one
// record a line, with the brackets and commas of an array around them or without (what
// "rethinkdb export" writes, one file behind the other), or the archive of such files
// that "rethinkdb dump" makes.
func readTables(r io.Reader, take func(place, tableRecord) error) error {
	b := bufio.NewReader(r)
	t := &tables{take: take}
	if head, _ := b.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return t.read("", b)
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return notAnArchive(err)
	}
	archive := tar.NewReader(z)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return notAnArchive(err)
		}
		if h.Typeflag == tar.TypeReg && path.Ext(h.Name) == ".json" {
			if err := t.read(path.Base(h.Name), archive); err != nil {
				return err
			}
		}
	}
}

func notAnArchive(err error) error {
	return webhook.Errorf(webhook.CodeInvalid, "", "the archive cannot be read: %s; nothing was taken over", err)
}

type tables struct {
	take  func(place, tableRecord) error
	count int
}

func (t *tables) read(file string, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	at := place{file: file}
	for lines.Scan() {
		at.line++
		if err := t.readLine(at, lines.Bytes()); err != nil {
			return at.wrong(err)
		}
	}
	if err := lines.Err(); err != nil {
		at.line++
		return at.wrong(err)
	}
	return nil
}

// around is what stands around the records of an array.
const around = " \t\r,[]"

// readLine reads the records of a line, of which there are several where one file
// without a line's end was put in front of another.
func (t *tables) readLine(at place, line []byte) error {
	for {
		if line = bytes.TrimLeft(line, around+"\ufeff"); len(line) == 0 {
			return nil
		}
		d := json.NewDecoder(bytes.NewReader(line))
		var r tableRecord
		if err := d.Decode(&r); err != nil {
			return fmt.Errorf("is not a record in JSON: %s", err)
		}
		if t.count++; t.count > maxRecords {
			return fmt.Errorf("there are more than %d records", maxRecords)
		}
		if err := t.take(at, r); err != nil {
			return err
		}
		line = line[d.InputOffset():]
	}
}

// time reads seconds since 1970, to the microsecond.
func (r tableRecord) time(name string) (time.Time, error) {
	var seconds float64
	if raw := r[name]; raw == nil || raw[0] == 'n' || json.Unmarshal(raw, &seconds) != nil || seconds < 0 || seconds > maxEpoch {
		return time.Time{}, fmt.Errorf("%s must be a number of seconds since 1970", name)
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC(), nil
}

// maxEpoch is the end of the year 9999.
const maxEpoch = 253_402_300_799

// count reads a whole number; 0 is one that is not there.
func (r tableRecord) count(name string) (int, error) {
	raw := r[name]
	if raw == nil {
		return 0, nil
	}
	var n float64
	if json.Unmarshal(raw, &n) != nil || n < 0 || n > math.MaxInt32 || n != math.Trunc(n) {
		return 0, fmt.Errorf("%s must be a whole number", name)
	}
	return int(n), nil
}
