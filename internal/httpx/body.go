package httpx

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook/internal/webhook"
)

// maxDrain bounds how much of a body that is too large is read and thrown away.
// Clients that are still sending would not see the answer otherwise.
const maxDrain = 32 << 20

// ReadBody reads the whole request body, limit bytes at most. The error is a
// *webhook.Error: CodeTooLarge, or CodeInvalid when the body broke off.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	switch n := r.ContentLength; {
	case n == 0:
		return nil, nil
	case n > limit:
		if r.Header.Get("Expect") == "" { // who expects 100 Continue has sent nothing so far
			drain(r.Body, n)
		}
		return nil, errTooLarge(limit)
	case n > 0:
		body := make([]byte, n)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, brokenOff(err)
		}
		return body, nil
	}
	var buf bytes.Buffer
	_, err := buf.ReadFrom(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, brokenOff(err)
	}
	if int64(buf.Len()) > limit {
		drain(r.Body, maxDrain)
		return nil, errTooLarge(limit)
	}
	return buf.Bytes(), nil
}

func drain(body io.Reader, n int64) {
	if n <= maxDrain {
		_, _ = io.CopyN(io.Discard, body, n) // only the answer matters
	}
}

func brokenOff(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge(tooLarge.Limit)
	}
	return webhook.Errorf(webhook.CodeInvalid, "", "the request body broke off: %s", strings.TrimPrefix(err.Error(), "http: "))
}
